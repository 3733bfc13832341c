"""A real sender of orders: messages built and checked by hl7apy, sent by python-hl7 over MLLP, also over TLS.

orders.py send PORT KIND CONTROL-ID PATIENT PROFESSIONAL ORDER   prints the acknowledgement's code
orders.py twice PORT KIND ...   sends the same bytes a second time and prints both codes
orders.py wrong PORT KIND ...   sends other bytes than those of the character set that MSH-18 names
orders.py tls PORT KEY CERTIFICATE ARCHIVE CONTROL-ID PATIENT PROFESSIONAL ORDER
"""

import socket
import ssl
import sys

import hl7
from hl7.client import MLLPClient
from hl7apy.core import Message
from hl7apy.parser import parse_message


def header(message, kind, control_id):
    message.msh.msh_3 = "RIS"
    message.msh.msh_4 = "NORTH"
    message.msh.msh_9 = kind
    message.msh.msh_10 = control_id
    message.msh.msh_11 = "P"
    message.msh.msh_18 = "UNICODE UTF-8"


def checked(message):
    """Its text, once the standard's rules for its structure were held against it."""
    message.validate()
    return message.to_er7()


def order(control, control_id, patient, professional, number):
    """ORM^O01 as hl7apy writes it, which takes the choice of its detail for all of it: not checked."""
    message = Message("ORM_O01", version="2.5.1")
    header(message, "ORM^O01^ORM_O01", control_id)
    pid = message.add_group("ORM_O01_PATIENT").add_segment("PID")
    pid.pid_1 = "1"
    pid.pid_3 = patient
    pid.pid_5 = "Müster^Änne"
    group = message.add_group("ORM_O01_ORDER")
    orc = group.add_segment("ORC")
    orc.orc_1 = control
    orc.orc_2 = number
    orc.orc_12 = professional
    obr = group.add_group("ORM_O01_ORDER_DETAIL").add_segment("OBR")
    obr.obr_2 = number
    obr.obr_4 = "CT^Computed tomography"
    return message.to_er7()


def name_patient(pid, patient):
    pid.pid_1 = "1"
    pid.pid_3 = patient
    pid.pid_5 = "Müster^Änne"


def imaging_order(control, control_id, patient, professional, number):
    """OMI^O23 as hl7apy writes it."""
    message = Message("OMI_O23", version="2.5.1")
    header(message, "OMI^O23^OMI_O23", control_id)
    name_patient(message.add_group("OMI_O23_PATIENT").add_segment("PID"), patient)
    group = message.add_group("OMI_O23_ORDER")
    orc = group.add_segment("ORC")
    orc.orc_1 = control
    orc.orc_2 = number
    orc.orc_12 = professional
    obr = group.add_segment("OBR")
    obr.obr_2 = number
    obr.obr_4 = "CT^Computed tomography"
    ipc = group.add_segment("IPC")
    ipc.ipc_1 = "ACC-1^RIS"
    ipc.ipc_2 = "RP-1^RIS"
    ipc.ipc_3 = "1.2.3.4"
    ipc.ipc_4 = "SPS-1^RIS"
    return checked(message)


def result(control_id, patient, number):
    """ORU^R01 with a final result, as hl7apy writes it."""
    message = Message("ORU_R01", version="2.5.1")
    header(message, "ORU^R01^ORU_R01", control_id)
    group = message.add_group("ORU_R01_PATIENT_RESULT")
    name_patient(group.add_group("ORU_R01_PATIENT").add_segment("PID"), patient)
    observation = group.add_group("ORU_R01_ORDER_OBSERVATION")
    observation.add_segment("ORC").orc_1 = "RE"
    obr = observation.add_segment("OBR")
    obr.obr_2 = number
    obr.obr_4 = "CT^Computed tomography"
    obr.obr_25 = "F"
    obx = observation.add_group("ORU_R01_OBSERVATION").add_segment("OBX")
    obx.obx_2 = "TX"
    obx.obx_3 = "GDT^Findings"
    obx.obx_5 = "Kein Befund, früher auch nicht"
    obx.obx_11 = "F"
    return checked(message)


def appointment(event, control_id, patient, called, number):
    """SIU^S12 and its like, as hl7apy writes them: of one structure."""
    message = Message("SIU_S12", version="2.5.1")
    header(message, f"SIU^{event}^SIU_S12", control_id)
    message.sch.sch_1 = called
    message.sch.sch_6 = "BOOKED"
    message.sch.sch_11 = "1^^^209912241030"
    message.sch.sch_16 = "1^Schalter^Sina"
    message.sch.sch_20 = "1^Schalter^Sina"
    message.sch.sch_26 = number
    name_patient(message.add_group("SIU_S12_PATIENT").add_segment("PID"), patient)
    message.add_group("SIU_S12_RESOURCES").add_segment("RGS").rgs_1 = "1"
    return checked(message)


def stay(event, control_id, patient):
    """ADT^A01 and A08 as hl7apy writes them: of one structure."""
    message = Message("ADT_A01", version="2.5.1")
    header(message, f"ADT^{event}^ADT_A01", control_id)
    message.evn.evn_2 = "20261127"
    name_patient(message.pid, patient)
    message.pv1.pv1_2 = "I"
    message.pv1.pv1_3 = "WARD^12^1"
    return checked(message)


def made(kind, control_id, patient, second, number):
    """A message by its kind; `second` is the professional, the appointment or the record that goes."""
    match kind:
        case "A40":
            return merge(control_id, patient, second)
        case "O23":
            return imaging_order("NW", control_id, patient, second, number)
        case "R01":
            return result(control_id, patient, number)
        case "S12" | "S15":
            return appointment(kind, control_id, patient, second, number)
        case "A01" | "A08":
            return stay(kind, control_id, patient)
        case _:
            return order(kind, control_id, patient, second, number)


def merge(control_id, stays, goes):
    """ADT^A40 as hl7apy writes it."""
    message = Message("ADT_A39", version="2.5.1")
    header(message, "ADT^A40^ADT_A39", control_id)
    message.evn.evn_2 = "20261127"
    group = message.add_group("ADT_A39_PATIENT")
    pid = group.add_segment("PID")
    pid.pid_3 = stays
    pid.pid_5 = "Müster^Änne"
    group.add_segment("MRG").mrg_1 = goes
    return checked(message)


def code(acknowledgement, control_id):
    """MSA-1, after both libraries have read the acknowledgement."""
    text = acknowledgement.decode("utf-8").strip("\x0b\x1c\r")
    read = hl7.parse(text)
    assert str(read.segment("MSA")[2]) == control_id, text
    strict = parse_message(text + "\r", validation_level=2, find_groups=False)
    assert strict.msa.msa_1.value == str(read.segment("MSA")[1]), text
    print(text.replace("\r", "\n"), file=sys.stderr)
    return str(read.segment("MSA")[1])


how, port, *rest = sys.argv[1:]
if how in ("send", "twice", "wrong"):
    message, control_id = made(*rest), rest[1]
    with MLLPClient("127.0.0.1", int(port), encoding="latin-1" if how == "wrong" else "utf-8") as client:
        times = 2 if how == "twice" else 1
        print(*[code(client.send_message(message), control_id) for _ in range(times)])
else:
    key, certificate, archive, control_id, patient, professional, number = rest
    context = ssl.create_default_context(cafile=archive)
    context.load_cert_chain(certificate, key)
    client = MLLPClient("127.0.0.1", int(port), encoding="utf-8")
    client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
    print(code(client.send_message(order("NW", control_id, patient, professional, number)), control_id))
    client.close()
    try:
        anonymous = ssl.create_default_context(cafile=archive)
        bare = anonymous.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost")
        bare.sendall(b"\x0bMSH|^~\\&|RIS|\x1c\r")
        assert bare.recv(1000) == b"", "nobody is heard without a certificate"
    except ssl.SSLError:
        pass
