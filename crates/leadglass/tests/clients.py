"""Real clients against a running installation: stores with pynetdicom, reads with dicomweb-client, compares."""

import ssl
import subprocess
import sys
import time

import numpy
import pydicom
from dicomweb_client.api import DICOMwebClient
from pynetdicom import AE

port, tls_port, key, certificate, archive, origin, token, *files = sys.argv[1:]
port, tls_port = int(port), int(tls_port)
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

# DICOM TLS: an AE title that is bound to a certificate, with it, without one, and in the clear
bound = AE(ae_title="MR1")
bound.add_requested_context(datasets[0].SOPClassUID, pydicom.uid.ExplicitVRLittleEndian)
anonymous, shown = (ssl.create_default_context(cafile=archive) for _ in range(2))
shown.load_cert_chain(certificate, key)
association = bound.associate("127.0.0.1", tls_port, tls_args=(shown, "localhost"))
assert association.is_established, "the association over TLS is accepted"
assert association.send_c_store(datasets[0]).Status == 0
association.release()
assert not bound.associate("127.0.0.1", tls_port, tls_args=(anonymous, "localhost")).is_established, "no certificate"
assert not bound.associate("127.0.0.1", port).is_established, "in the clear"

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
