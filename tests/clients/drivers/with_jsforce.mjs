// jsforce at work in the simulated org; what it got is printed as JSON.

import jsforce from "jsforce";

const asked = JSON.parse(process.argv[2]);
const AWKWARD = "O'Neill & Söhne 100 %_"; // jsforce quotes the apostrophe alone

// A user's browser: the consent page, the button "Allow", and where that leads.
async function code(oauth2) {
  const address = new URL(oauth2.getAuthorizationUrl({ scope: "api refresh_token", state: "1" }));
  const form = new URLSearchParams(address.search);
  form.set("decision", "allow");
  const page = new URL(address.pathname, address.origin);
  const back = await fetch(page, { method: "POST", body: form, redirect: "manual" });
  return new URL(back.headers.get("location")).searchParams.get("code");
}

// The error's own name and code, or null when there was none.
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return [error.name, error.errorCode ?? error.message];
  }
  return null;
}

async function opened() {
  const { url: loginUrl, client_id: clientId, client_secret: clientSecret } = asked;
  const redirectUri = "http://127.0.0.1:9/callback";
  const oauth2 = new jsforce.OAuth2({ loginUrl, clientId, clientSecret, redirectUri, useVerifier: true });
  const conn = new jsforce.Connection({ oauth2 });
  const user = await conn.authorize(await code(oauth2));
  return [conn, user];
}

async function reading(conn) {
  const soql = "SELECT Id, Subject FROM ServiceAppointment ORDER BY Id";
  const rows = await conn.query(soql, { autoFetch: true, maxFetch: 1000 });
  const first = await conn.query(soql);
  const second = await conn.queryMore(first.nextRecordsUrl);
  const appointments = conn.sobject("ServiceAppointment");
  return {
    objects: (await conn.describeGlobal()).sobjects.map((each) => each.name),
    fields: (await conn.describe("ServiceAppointment")).fields.map((each) => each.name),
    rows: rows.records.map((each) => each.Id),
    pages: [first.records.length, first.done, second.records.length, second.done],
    "with deleted": (await conn.query(soql, { scanAll: true, autoFetch: true })).records.length,
    counted: await appointments.count({ Subject: "Job 3" }),
    "first found": await appointments.findOne({ Subject: "Job 3" }, ["Id", "Subject", "Owner.Name"]),
    later: (await appointments.find({ CreatedDate: { $gte: jsforce.SfDate.toDateTimeLiteral("2026-03-01T00:00:00Z") } }, "Id")).length,
    one: (await appointments.retrieve(asked.appointment)).Subject,
    several: (await appointments.retrieve([asked.appointment, asked.missing])).map((each) => each?.Subject ?? null),
    limits: (await conn.limits()).DailyApiRequests,
    usage: conn.limitInfo.apiUsage,
  };
}

async function writing(conn) {
  const orders = conn.sobject("WorkOrder");
  const created = await orders.create({ Subject: AWKWARD });
  const found = await orders.find({ Subject: AWKWARD }, "Id");
  const updated = await orders.update({ Id: created.id, Subject: "Boiler" });
  const upserted = [];
  for (const Subject of ["Pipe", "Pump"]) {
    upserted.push(await orders.upsert({ Key__c: "key-1", Subject }, "Key__c"));
  }
  return { created, found: found.map((each) => each.Id), updated, upserted, deleted: await orders.destroy(created.id) };
}

async function together(conn) {
  const orders = conn.sobject("WorkOrder");
  const collection = await orders.create([{ Subject: "Good" }, { Subject: "Forbidden" }]);
  const [good] = collection;
  const base = `/services/data/v${conn.version}/sobjects/WorkOrder`;
  const undone = await orders.create([{ Subject: "Undone" }, { Subject: "Forbidden" }], { allOrNone: true });
  const changed = await orders.update([{ Id: good.id, Subject: "Better" }, { Id: asked.missing, Subject: "None" }]);
  const keyed = await orders.upsert([{ Key__c: "key-1", Subject: "Tap" }, { Key__c: "key-2", Subject: "Tub" }], "Key__c");
  const composite = await conn.requestPost("/composite", {
    allOrNone: true,
    compositeRequest: [
      { method: "POST", url: base, referenceId: "made", body: { Subject: "Composed" } },
      { method: "GET", url: `${base}/@{made.id}?fields=Subject`, referenceId: "read" },
    ],
  });
  const graphs = await conn.requestPost("/composite/graph", {
    graphs: [
      {
        graphId: "whole",
        compositeRequest: [
          { method: "PATCH", url: `${base}/Key__c/graph-1`, referenceId: "made", body: { Subject: "Drawn" } },
          { method: "POST", url: `${base}LineItem`, referenceId: "line", body: { WorkOrderId: "@{made.id}" } },
        ],
      },
      {
        graphId: "broken",
        compositeRequest: [
          { method: "PATCH", url: `${base}/Key__c/graph-2`, referenceId: "made", body: { Subject: "Undrawn" } },
          { method: "POST", url: base, referenceId: "bad", body: { Subject: "Forbidden" } },
        ],
      },
    ],
  });
  return { collection, undone, changed, keyed, composite, graphs, destroyed: await orders.destroy([good.id, asked.missing]) };
}

async function refused(conn) {
  const orders = conn.sobject("WorkOrder");
  return {
    query: await refusal(() => conn.query("SELECT Id FROM WorkOrder WHERE")),
    field: await refusal(() => conn.query("SELECT Nope FROM WorkOrder")),
    object: await refusal(() => conn.query("SELECT Id FROM Nope")),
    record: await refusal(() => orders.retrieve(asked.missing)),
    rule: await refusal(() => orders.create({ Subject: "Forbidden" })),
    twice: await refusal(() => conn.request("/sobjects/WorkOrder/Twice__c/same")),
  };
}

// The session is ended twice over; jsforce keeps the rotated token only if its event is heeded.
async function renewing(conn) {
  const tokens = [conn.refreshToken];
  conn.on("refresh", (_token, answer) => {
    conn.refreshToken = answer.refresh_token;
    tokens.push(answer.refresh_token);
  });
  const counted = [];
  for (let round = 0; round < 2; round += 1) {
    await conn.oauth2.revokeToken(conn.accessToken);
    const both = await Promise.all([1, 2].map(() => conn.query("SELECT count() FROM User")));
    counted.push(both.map((each) => each.totalSize));
  }
  const [spent] = tokens;
  const replayed = await refusal(() => conn.oauth2.refreshToken(spent));
  const afterwards = await refusal(() => conn.query("SELECT count() FROM User"));
  return { tokens: new Set(tokens).size, counted, replayed, afterwards };
}

const [conn, user] = await opened();
const span = asked.span.map((each) => new Date(each));
const told = {
  user,
  identity: (await new jsforce.Connection({ instanceUrl: conn.instanceUrl, accessToken: conn.accessToken }).identity()).username,
  "wrong code": await refusal(() => conn.oauth2.requestToken("no-such-code")),
  ...(await reading(conn)),
  ...(await writing(conn)),
  "updated since": await conn.sobject("ServiceAppointment").updated(...span),
  "deleted since": await conn.sobject("ServiceAppointment").deleted(...span),
  ...(await together(conn)),
  refused: await refused(conn),
  renewed: await renewing(conn),
};
process.stdout.write(JSON.stringify(told));
