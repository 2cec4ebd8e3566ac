"""Why a message is not accepted: a reply code, the words in both languages, and the element at fault."""

from msgspec import Struct


class Refusal(Struct, frozen=True, kw_only=True):
    """code: IEC 61968-9 reply code.   es, en: a sentence each.   xpath: from the message's own element, local names.

    details: what was seen, in whatever language its source speaks.
    """

    code: str
    es: str
    en: str
    xpath: str = ""
    details: str = ""

    def reason(self, language: str) -> str:
        return self.en if language == "en" else self.es


class CimError(Exception):
    """The message could be read, but cannot be accepted as it is."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.en} {refusal.xpath}".rstrip())
        self.refusal = refusal


class UnreadableMessage(CimError):
    """No message could be read at all: its sender gets a SOAP fault instead of a reply."""
