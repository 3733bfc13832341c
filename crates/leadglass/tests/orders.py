"""A real sender of orders: messages built and checked by hl7apy, sent by python-hl7 over MLLP, also over TLS.

orders.py send PORT KIND CONTROL-ID PATIENT PROFESSIONAL ORDER   prints the acknowledgement's code
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


def order(control, control_id, patient, professional, number):
    """ORM^O01 as hl7apy writes it."""
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
    return message.to_er7()


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
if how == "send":
    kind, control_id, patient, professional, number = rest
    made = merge(control_id, patient, professional) if kind == "A40" else order(kind, control_id, patient, professional, number)
    with MLLPClient("127.0.0.1", int(port), encoding="utf-8") as client:
        print(code(client.send_message(made), control_id))
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
