// An order by the npm package "soap", from the WSDL alone; prints what came back as one line of JSON.
import soap from "soap";

const [wsdl, number, meter, watts, replyAddress] = process.argv.slice(2);
const client = await soap.createClientAsync(wsdl);
const header = {
  Verb: "create",
  Noun: "EndDeviceControls",
  Source: "CIS",
  ReplyAddress: replyAddress,
  MessageID: `node-${number}`,
  CorrelationID: `node-${number}`,
};
const control = {
  issuerTrackingID: number,
  EndDeviceAction: { command: watts },
  EndDeviceControlType: { attributes: { ref: "3.15.139.13" } },
  EndDevices: { mRID: meter },
};
const special = { name: "special", value: "test" };
const [created] = await client.CreateEndDeviceControlsAsync({
  Header: header,
  Request: { Option: special },
  Payload: { EndDeviceControls: { EndDeviceControl: control } },
});
const question = {
  Header: { Verb: "get", Noun: "EndDeviceControls", Source: "CIS", MessageID: `node-${number}-get` },
  Request: { ID: { attributes: { idType: "issuerTrackingID" }, $value: number } },
};
const until = Date.now() + 20000;
let standing;
do {
  await new Promise((resolve) => setTimeout(resolve, 200));
  [standing] = await client.GetEndDeviceControlsAsync(question);
} while (code(standing) === "0.3" && Date.now() < until);
const readback = first(first(standing.Payload?.EndDeviceControls)?.EndDeviceControl)?.Readback;
console.log(JSON.stringify({ created: code(created), final: code(standing), threshold: readback?.threshold }));

// What may occur several times comes as a list, or alone.
function first(found) {
  return [found].flat()[0];
}

function code(answer) {
  return first(answer.Reply.Error).code;
}
