// Policy action that lets a person decide: starts the process `workflowName`, unless one is already running for the same
// object, situation and action. Value: ASYNC.
//
// The engine does this by itself where a mapping names this file; it stands here for scripts that call it.
(function () {
  var asked = recon.actionParam;
  var query = {
    _queryId: "filtered-query",
    processDefinitionKey: workflowName,
    "var-mapping": asked.mapping,
    "var-situation": asked.situation,
    "var-action": asked.action,
  };
  ["sourceId", "targetId"].forEach(function (name) {
    if (asked[name] !== undefined && asked[name] !== null) query["var-" + name] = asked[name];
  });
  if (openidm.query("workflow/processinstance", query).result.length === 0) {
    asked._key = workflowName;
    asked._businessKey = "sourceId: " + asked.sourceId + ", targetId: " + asked.targetId + ", reconId: " + asked.reconId;
    openidm.create("workflow/processinstance", null, asked);
  }
  return "ASYNC";
})();
