"""The page of the callers' file."""

from aforo.adapters.callers_file import CallerEntry
from aforo.domain.callers import Scope

_INTRODUCTION = """\
Who may call, in a TOML file that `AFORO_CALLERS` names: one `[[caller]]` for each. Without it the SOAP door is open to
everybody on this machine, and to nobody else; the REST API always asks for a token. A caller is known by a TLS client
certificate, by a bearer token (a key of its own, or an access token of the OAuth 2 or OpenID provider that
`AFORO_OAUTH_JWKS` names, whose scopes count as far as the caller has them), or by a WS-Security UsernameToken with a
digest (created within five minutes, each nonce once; every process remembers its own). It may do what is said here, and
nothing else. What is refused at the doors goes to the security log (`AFORO_SECURITY_LOG`).

```toml
[[caller]]
name = "cis"
sources = ["CIS"]
certificate_sha256 = ["3A:…"]     # openssl x509 -in cis.pem -noout -fingerprint -sha256
token_sha256 = ["9f86d0…"]        # printf %s TOKEN | sha256sum
scopes = ["orders:write", "orders:read"]
kinds = ["LIMIT", "LIMIT_REMOVE", "READ"]
replies = ["https://cis.example/answers"]
```
"""


def callers(made: str) -> str:
    lines = ["# Callers", made, _INTRODUCTION, "| entry | default | meaning |", "|---|---|---|"]
    for name, field in CallerEntry.model_fields.items():
        default = "" if field.is_required() or not field.default else f"`{field.default}`"
        lines.append(f"| `{name}` | {default} | {field.description} |")
    lines += ["", f"Scopes: {', '.join(f'`{scope.value}`' for scope in Scope)}."]
    return "\n".join(lines).replace("`PydanticUndefined`", "") + "\n"
