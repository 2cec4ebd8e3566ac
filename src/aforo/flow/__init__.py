"""The nine steps of a power-limit order (source document, table 2).

Pure: what is known + a message + now -> a decision.

| # | module                         | from -> to              | by                       | leaves the order         |
|---|--------------------------------|-------------------------|--------------------------|--------------------------|
| 1 | step1_receive_order            | Legacy -> Integration   | SOAP, CIM                | received                 |
| 2 | step2_route_to_headend         | Integration -> HeadEnd  | I6                       | received, with its lane  |
| 3 | step3_validate_meter           | HeadEnd                 | registry                 | validated, held, REFUSED |
| 4 | step4_dispatch_to_concentrator | HeadEnd -> Concentrator | I4, order board (dclink) | dispatched, in_progress  |
| 5 | step5_command_meter            | Concentrator -> Meter   | I3, DLMS SET and GET     |                          |
| 6 | step6_answer_from_meter        | Meter -> Concentrator   | I3                       |                          |
| 7 | step7_collect_result           | Concentrator -> HeadEnd | I4                       | an end, or to be tried   |
| 8 | step8_publish_result           | HeadEnd -> Integration  | result queue             | delivery: published      |
| 9 | step9_reply_to_legacy          | Integration -> Legacy   | XML, CIM response        | delivery: answered       |

Steps 5 and 6 are joined in `visit` and `meter_errand`: whoever holds the DLMS association with the meter drives it.
For a transparent or direct meter that is the head-end itself, and "Concentrator" in the table reads "HeadEnd".
"""
