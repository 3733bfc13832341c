"""Unpacks an encrypted zip with pyzipper and reads its File-set with pydicom: ZIP SECRET FOLDER."""

import json
import sys

import pydicom
import pyzipper
from pydicom.fileset import FileSet

archive, secret, folder = sys.argv[1:]
with pyzipper.AESZipFile(archive) as zipped:
    names = zipped.namelist()
    try:
        zipped.read(names[0], pwd=b"AAAAA-AAAAA-AAAAA-AAAAA-AAAAA")
        wrong = "opened"
    except RuntimeError:
        wrong = "refused"
    zipped.extractall(folder, pwd=secret.encode())
found = FileSet(pydicom.dcmread(f"{folder}/DICOMDIR"))
for instance in found:
    data = instance.load()
    assert data.SOPInstanceUID == instance.SOPInstanceUID, instance.path
    assert data.SeriesInstanceUID == instance.SeriesInstanceUID, instance.path
    assert str(data.PatientName) == str(instance.PatientName), instance.path
    assert len(data.PixelData) > 0, instance.path
print(
    json.dumps(
        {
            "wrong": wrong,
            "names": names,
            "patients": found.find_values("PatientID"),
            "studies": found.find_values("StudyInstanceUID"),
            "series": found.find_values("SeriesInstanceUID"),
            "instances": found.find_values("SOPInstanceUID"),
        }
    )
)
