"""A dialect's message as one of ours, and our answer as one of the dialect's, by the dialect's table."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree
from msgspec.structs import replace

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, RefusedControl
from aforo.cim.control_response import ControlResponse, write_response
from aforo.cim.dialect import LEAVES, Dialect, RequestForm
from aforo.cim.end_device_controls import put_action_in_place, read_cancel, read_create, read_get
from aforo.cim.message import Header, read_header
from aforo.cim.namespaces import MESSAGE, NOUN, OURS, PROFILE, SOAP11, TYPED
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.soap import wrap
from aforo.cim.xml_reading import Element, local_name, path_of, text_of, token_of
from aforo.cim.xml_writing import add, root

Asked = tuple[ControlRequest | RefusedControl, ...] | GetRequest | CancelRequest
_NUMBERED = re.compile(r"\[\d+\]$")
_PATHS = {
    "number": (f"{{{PROFILE}}}issuerTrackingID",),
    "reason": (f"{{{PROFILE}}}reason",),
    "command": (f"{{{PROFILE}}}EndDeviceAction", f"{{{PROFILE}}}command"),
    "type": (f"{{{PROFILE}}}EndDeviceControlType",),
    "mrid": (f"{{{PROFILE}}}EndDevices", f"{{{PROFILE}}}mRID"),
    "name": (f"{{{PROFILE}}}EndDevices", f"{{{PROFILE}}}Names", f"{{{PROFILE}}}name"),
    "place": (f"{{{PROFILE}}}UsagePoints", f"{{{PROFILE}}}Names", f"{{{PROFILE}}}name"),
    "value": (f"{{{OURS}}}PowerLimit", f"{{{OURS}}}value"),
    "multiplier": (f"{{{OURS}}}PowerLimit", f"{{{OURS}}}multiplier"),
    "unit": (f"{{{OURS}}}PowerLimit", f"{{{OURS}}}unit"),
}


def read_request(message: Element, dialect: Dialect, form: RequestForm, *, language: str) -> Asked:
    """Raises CimError; every path is that of the message as it came."""
    translated = _Translated(message, dialect, form)
    translated.translate()
    try:
        asked = read_ours(translated.message, form.becomes, language)
    except CimError as error:
        raise CimError(translated.relocated(error.refusal)) from None
    if not isinstance(asked, tuple):
        return asked
    return tuple(translated.relocated_item(item) for item in asked)


def read_ours(message: Element, operation: str, language: str) -> Asked:
    """A message of our own form. operation: one of OPERATIONS. Raises CimError."""
    if operation == "cancel":
        return read_cancel(message, language=language)
    if operation == "get":
        return read_get(message, language=language)
    return read_create(message, language=language, verb=operation)


def header_of(message: Element, dialect: Dialect) -> Header:
    """Of a message in a dialect, as far as it can be read."""
    return read_header(message, dialect.envelope)


@dataclass
class _Translated:
    """origin: where what we have written stood, by our path."""

    source: Element
    dialect: Dialect
    form: RequestForm

    def __post_init__(self) -> None:
        self.message = root(f"{{{TYPED}}}{self.form.becomes.title()}EndDeviceControls")
        self.origin: dict[str, str] = {}
        self._name = f"/{local_name(self.message)}"
        self._told = f"/{local_name(self.source)}"

    def translate(self) -> None:
        dialect, form = self.dialect, self.form
        for control in self.source.iter(f"{{{PROFILE}}}EndDeviceControl"):
            put_action_in_place(control)
        if dialect.schema:
            check_against_schema(self.source, dialect.schema)
        self._check_names()
        self._check_required()
        self._header()
        self._request()
        orders = [] if form.each is None else list(_elements(form.each(self.source)))
        if form.each is None:
            self._move_payload()
        elif orders:
            controls = add(add(self.message, f"{{{TYPED}}}Payload"), f"{{{PROFILE}}}EndDeviceControls")
            for order in orders:
                self._control(add(controls, f"{{{PROFILE}}}EndDeviceControl"), order)
        for control in self.message.iterfind(f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls/*"):
            self._rename_codes(control)

    def relocated(self, refusal: Refusal) -> Refusal:
        return replace(refusal, xpath=self._there(refusal.xpath))

    def relocated_item(self, item: ControlRequest | RefusedControl) -> ControlRequest | RefusedControl:
        if isinstance(item, RefusedControl):
            return replace(item, refusal=self.relocated(item.refusal))
        return replace(
            item,
            dialect=self.dialect.name,
            root=local_name(self.source),
            meter_at=self._there(item.meter_at),
            watts_at=self._there(item.watts_at),
            control_type_at=self._there(item.control_type_at),
            number_at=self._there(item.number_at),
        )

    def _there(self, path: str) -> str:
        """Where the sender wrote it; for what the sender did not write, the nearest that holds it."""
        steps = path
        while steps:
            for known in (steps, _NUMBERED.sub("", steps)):
                if known in self.origin:
                    return self.origin[known]
            steps = steps.rpartition("/")[0]
        return path.replace(self._name, self._told, 1) if path.startswith(self._name) else path

    def _check_names(self) -> None:
        """One that is missing is told by the reader of our own form."""
        told, form = read_header(self.source, self.dialect.envelope), self.form
        if told.verb and told.verb.lower() != form.verb:
            es, en = f"El verbo debe ser {form.verb}.", f"The verb must be {form.verb}."
            raise CimError(Refusal(code="2.9", es=es, en=en, xpath=f"{self._told}/Header/Verb"))
        if told.noun and told.noun != form.noun:
            es, en = f"El sustantivo debe ser {form.noun}.", f"The noun must be {form.noun}."
            raise CimError(Refusal(code="2.5", es=es, en=en, xpath=f"{self._told}/Header/Noun"))

    def _check_required(self) -> None:
        for path, texts in self.form.required:
            for node in _elements(path(self.source)):
                if token_of(node) not in texts:
                    known = ", ".join(sorted(texts))
                    es, en = f"Aquí se acepta solo {known}.", f"Only {known} is accepted here."
                    raise CimError(Refusal(code="5.2", es=es, en=en, xpath=path_of(node)))

    def _header(self) -> None:
        header = self.source.find("{*}Header")
        if header is None:
            return
        there = add(self.message, f"{{{TYPED}}}Header")
        ours = {"Verb": self.form.becomes, "Noun": NOUN}
        for child in header:
            name = local_name(child)
            if name in ours and child.text and child.text.strip():
                add(there, f"{{{MESSAGE}}}{name}", ours[name])
            else:
                there.append(_renamed(deepcopy(child), self.dialect.envelope, MESSAGE))

    def _request(self) -> None:
        request = self.source.find("{*}Request")
        kept = [] if request is None else list(request)
        if self.form.each is not None:
            kept = [child for child in kept if etree.QName(child).namespace == self.dialect.envelope]
        if kept:
            there = add(self.message, f"{{{TYPED}}}Request")
            for child in kept:
                there.append(_renamed(deepcopy(child), self.dialect.envelope, MESSAGE))

    def _move_payload(self) -> None:
        payload = self.source.find("{*}Payload")
        if payload is not None:
            there = add(self.message, f"{{{TYPED}}}Payload")
            for child in list(payload):
                there.append(_renamed(child, str(etree.QName(self.source).namespace), TYPED))

    def _control(self, control: Element, order: Element) -> None:
        used = {node for path in self.form.ignored for node in _elements(path(order))}
        self.origin[path_of(control)] = path_of(order)
        for leaf in LEAVES:
            told = self.form.control.get(leaf)
            if isinstance(told, str):
                self._add(control, leaf, told, order)
            elif told is not None:
                for node in _nodes(told(order)):
                    text, element = _text_and_element(node, order)
                    self._add(control, leaf, text, element)
                    used.add(element)
        for leaf_element in order.iter():
            if len(leaf_element) == 0 and leaf_element not in used and leaf_element is not order:
                es = "Este elemento no se ejecuta en una orden de limitación; quítelo."
                en = "This element is not carried out in a limitation order; leave it out."
                raise CimError(Refusal(code="5.2", es=es, en=en, xpath=path_of(leaf_element)))

    def _add(self, control: Element, leaf: str, text: str, source: Element) -> None:
        place = control
        for tag in _PATHS[leaf][:-1]:
            found = None if tag == f"{{{PROFILE}}}Names" else place.find(tag)
            place = add(place, tag) if found is None else found
            self.origin.setdefault(path_of(place), path_of(source))
        last = _PATHS[leaf][-1]
        if leaf == "type":
            written = add(place, last)
            written.set("ref", text)
            self.origin[f"{path_of(written)}/@ref"] = path_of(source)
        else:
            written = add(place, last, text)
        self.origin[path_of(written)] = path_of(source)

    def _rename_codes(self, control: Element) -> None:
        """A code of the sender's own, or a command in words, as ours."""
        kind = control.find(f"{{{PROFILE}}}EndDeviceControlType")
        if kind is not None and kind.get("ref") in self.dialect.codes:
            kind.set("ref", self.dialect.codes[kind.get("ref") or ""])
        command = control.find(f"{{{PROFILE}}}EndDeviceAction/{{{PROFILE}}}command")
        if command is None:
            return
        text = token_of(command)
        for form in self.dialect.commands:
            found = form.pattern.fullmatch(text)
            if found:
                self._obey(control, command, found.groupdict().get("power"), form.type)
                return

    def _obey(self, control: Element, command: Element, power: str | None, code: str) -> None:
        action = command.getparent()
        assert action is not None, "a command was found in its action"
        kind = control.find(f"{{{PROFILE}}}EndDeviceControlType")
        if kind is None:
            kind = etree.Element(f"{{{PROFILE}}}EndDeviceControlType")
            action.addnext(kind)
        kind.set("ref", code)
        if power:
            command.text = power
        else:
            control.remove(action)


def answer_envelope(response: ControlResponse, dialect: Dialect, version: str = SOAP11) -> bytes:
    return wrap(write_answer(response, dialect), version)


def write_answer(response: ControlResponse, dialect: Dialect) -> Element:
    """The same answer, in the names of the dialect."""
    form = dialect.answer
    ours = write_response(response)
    namespace = str(etree.QName(form.root).namespace)
    prefixes = {"env": dialect.envelope, **dialect.prefixes}
    answer = etree.Element(form.root, nsmap=prefixes)
    for part in ("Header", "Reply"):
        element = ours.find(f"{{{TYPED}}}{part}")
        assert element is not None, "every answer has both"
        there = etree.SubElement(answer, f"{{{namespace}}}{part}")
        for child in list(element):
            there.append(_renamed(child, MESSAGE, dialect.envelope))
    _name_as_theirs(answer, dialect)
    payload = ours.find(f"{{{TYPED}}}Payload")
    if form.payload == "ours" and payload is not None:
        there = etree.SubElement(answer, f"{{{namespace}}}Payload")
        for child in list(payload):
            there.append(child)
    if form.payload == "readings":
        _write_readings(answer, namespace, response, dialect)
    return answer


def _name_as_theirs(answer: Element, dialect: Dialect) -> None:
    form, envelope = dialect.answer, dialect.envelope
    header, reply = answer[0], answer[1]
    verb, noun = header.find(f"{{{envelope}}}Verb"), header.find(f"{{{envelope}}}Noun")
    assert verb is not None, "every answer has a verb"
    assert noun is not None, "and a noun"
    if form.noun:
        noun.text = form.noun
    if form.is_upper:
        verb.text = (verb.text or "").upper()
    if form.has_code:
        code = etree.Element(f"{{{envelope}}}ReplyCode")
        code.text = text_of(reply, f"{{{envelope}}}Error/{{{envelope}}}code")
        reply.insert(0, code)


def _write_readings(answer: Element, namespace: str, response: ControlResponse, dialect: Dialect) -> None:
    """What the meters said, by ReadingType. Nothing for orders that have read nothing."""
    profile, types = dialect.answer.readings_in, dialect.answer.readings
    told = [control for control in response.controls if control.readback is not None]
    if not told:
        return
    readings = add(add(answer, f"{{{namespace}}}Payload"), f"{{{profile}}}MeterReadings")
    for control in told:
        reading = add(readings, f"{{{profile}}}MeterReading")
        meter = add(reading, f"{{{profile}}}Meter")
        add(meter, f"{{{profile}}}mRID", control.meter)
        add(add(meter, f"{{{profile}}}Names"), f"{{{profile}}}name", control.meter)
        assert control.readback is not None, "only those that have one"
        for name, code in types.items():
            watts = getattr(control.readback, name)
            if watts is not None:
                value = add(reading, f"{{{profile}}}Readings")
                add(value, f"{{{profile}}}timeStamp", control.readback.read_at)
                add(value, f"{{{profile}}}value", f"{watts:f}")
                add(value, f"{{{profile}}}ReadingType").set("ref", code)


def _renamed(element: Element, old: str, new: str) -> Element:
    """The element with all that lies in it, in the other namespace where it was in the old one."""
    if old != new:
        for node in element.iter():
            tag = str(node.tag)
            if tag.startswith(f"{{{old}}}"):
                node.tag = f"{{{new}}}{tag.rpartition('}')[2]}"
    return element


def _nodes(found: object) -> list[object]:
    assert isinstance(found, list), "a dialect's XPath selects nodes"
    return found


def _elements(found: object) -> Iterator[Element]:
    return (node for node in _nodes(found) if isinstance(node, etree._Element))  # noqa: SLF001 (it has no public name)


def _text_and_element(node: object, order: Element) -> tuple[str, Element]:
    """Of an element, its text; of an attribute, it, and the element that has it."""
    if isinstance(node, etree._Element):  # noqa: SLF001 (it has no public name)
        return token_of(node), node
    holder = getattr(node, "getparent", lambda: None)()
    return " ".join(str(node).split()), order if holder is None else holder
