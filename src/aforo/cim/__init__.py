"""CIM messages (IEC 61968-9 and -100, the 2013 namespaces) over SOAP, both directions. Knows XML, not us.

`xml_reading` takes octets from anyone; `soap` opens the envelope; `message` holds what every message has;
`end_device_controls` is the order, `control_response` every answer to it; `client` is the ordering side's half.
"""
