// Grants the roles whose `condition` an object fulfils and takes back those it was given for one that it fulfils no more.
//
// Variables: `resourceName` (the object's path; it has been stored), and `rolesPropName` (`roles` unless given). A grant of
// this kind is marked in its `_refProperties` as `_grantType: "conditional"`; other grants are left alone. The value tells
// what was granted and taken back. Also a module: `require("roles/conditionalRoles").update(path, "roles")`.
(function () {
  function fulfils(path, condition) {
    var slash = path.lastIndexOf("/");
    var id = path.slice(slash + 1).replace(/(["\\])/g, "\\$1");
    var filter = '_id eq "' + id + '" and (' + condition + ")";
    return openidm.query(path.slice(0, slash), { _queryFilter: filter }, ["_id"]).result.length > 0;
  }

  function update(path, property) {
    var name = property || "roles";
    var owner = openidm.read(path, null, [name]);
    if (owner === null) return { granted: [], revoked: [] };
    var held = owner[name] || [];
    var wanted = openidm.query("managed/role", { _queryFilter: "/condition pr" }, ["_id", "condition"]).result
      .filter(function (role) { return fulfils(path, role.condition); })
      .map(function (role) { return "managed/role/" + role._id; });
    var conditional = function (reference) {
      return Boolean(reference._refProperties && reference._refProperties._grantType === "conditional");
    };
    var kept = held.filter(function (reference) {
      return !conditional(reference) || wanted.indexOf(reference._ref) >= 0;
    });
    var granted = wanted.filter(function (ref) {
      return !kept.some(function (reference) { return reference._ref === ref; });
    });
    var revoked = held.filter(function (reference) { return kept.indexOf(reference) < 0; });
    if (granted.length > 0 || revoked.length > 0) {
      var value = kept.map(function (reference) {
        return { _ref: reference._ref, _refProperties: reference._refProperties || {} };
      }).concat(granted.map(function (ref) {
        return { _ref: ref, _refProperties: { _grantType: "conditional" } };
      }));
      openidm.patch(path, null, [{ operation: "replace", field: "/" + name, value: value }]);
    }
    return { granted: granted, revoked: revoked.map(function (reference) { return reference._ref; }) };
  }

  if (typeof exports !== "undefined") exports.update = update;
  if (typeof resourceName === "undefined") return null;
  return update(String(resourceName), typeof rolesPropName === "undefined" ? "roles" : rolesPropName);
})();
