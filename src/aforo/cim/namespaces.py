"""XML namespaces, and the names that the messages are dispatched on."""

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
MESSAGE = "http://iec.ch/TC57/2011/schema/message"
PROFILE = "http://iec.ch/TC57/2011/EndDeviceControls#"
TYPED = "http://iec.ch/TC57/2011/EndDeviceControlsMessage"
OURS = "urn:aforo:cim:1"
"""What the published profile has no element for: PowerLimit and Readback."""

CREATE = f"{{{TYPED}}}CreateEndDeviceControls"
CHANGE = f"{{{TYPED}}}ChangeEndDeviceControls"
CANCEL = f"{{{TYPED}}}CancelEndDeviceControls"
GET = f"{{{TYPED}}}GetEndDeviceControls"
RESPONSE = f"{{{TYPED}}}EndDeviceControlsResponseMessage"
FAULT = f"{{{TYPED}}}EndDeviceControlsFaultMessage"
ACKNOWLEDGEMENT = f"{{{MESSAGE}}}ResponseMessage"

NOUN = "EndDeviceControls"
