"""Real clients against a running installation: stores with pynetdicom, reads with dicomweb-client, compares."""

import subprocess
import sys
import time

import numpy
import pydicom
from dicomweb_client.api import DICOMwebClient
from pynetdicom import AE

port, origin, token, files = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
datasets = [pydicom.dcmread(path) for path in files]

entity = AE(ae_title="CT1")
entity.add_requested_context("1.2.840.10008.1.1")
for sop_class in {dataset.SOPClassUID for dataset in datasets}:
    entity.add_requested_context(sop_class, pydicom.uid.ExplicitVRLittleEndian)
association = entity.associate("127.0.0.1", port)
assert association.is_established, "the association is accepted"
assert association.send_c_echo().Status == 0
for dataset in datasets:
    assert association.send_c_store(dataset).Status == 0
association.release()

stranger = AE(ae_title="NOBODY")
stranger.add_requested_context("1.2.840.10008.1.1")
assert not stranger.associate("127.0.0.1", port).is_established, "an unknown AE is refused at association"

client = DICOMwebClient(url=f"{origin}/dicom-web", headers={"Authorization": f"Bearer {token}"})
wanted = {dataset.SOPInstanceUID for dataset in datasets}
for _ in range(100):
    studies = client.search_for_studies()
    if sum(int(study["00201208"]["Value"][0]) for study in studies) == len(datasets):
        break
    time.sleep(0.1)
assert {study["0020000D"]["Value"][0] for study in studies} == {dataset.StudyInstanceUID for dataset in datasets}

first = datasets[1]
series = client.search_for_series(study_instance_uid=first.StudyInstanceUID)
assert series[0]["0020000E"]["Value"][0] == first.SeriesInstanceUID
found = client.search_for_studies(search_filters={"PatientName": str(first.PatientName).split("^")[0] + "*"})
assert first.StudyInstanceUID in {study["0020000D"]["Value"][0] for study in found}

for dataset in datasets[:6]:
    uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    read = client.retrieve_instance(*uids)
    assert read.PixelData == dataset.PixelData and read.PatientName == dataset.PatientName
    metadata = pydicom.Dataset.from_json(client.retrieve_instance_metadata(*uids))
    assert metadata.PatientID == dataset.PatientID
    assert [float(value) for value in metadata.WindowCenter] == [float(value) for value in dataset.WindowCenter] \
        if dataset.get("WindowCenter", None) is not None and dataset.data_element("WindowCenter").VM > 1 else True
    frame = client.retrieve_instance_frames(*uids, frame_numbers=[1])[0]
    pixels = frame if isinstance(frame, bytes) else numpy.asarray(frame).tobytes()
    expected = dataset.PixelData[: dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8]
    assert pixels[: len(expected)] == expected
    rendered = client.retrieve_instance_rendered(*uids, media_types=("image/jpeg",))
    assert rendered[:2] == b"\xff\xd8"

# STOW-RS: one more instance, then what may not be stored
copy = pydicom.dcmread(files[0])
copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = "2.25.1234567890"
stored = client.store_instances([copy])
assert stored.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.1234567890"

print("all clients agree", len(wanted))
