// The assignments that the roles of an object bring along, each once.
//
// Variables: `object`, and `effectiveRolesPropName` (`effectiveRoles` unless given); without such a list the roles are
// worked out from `roles`. The value is a list of assignment objects.
(function () {
  function of(owner, property) {
    var roles = owner && owner[property || "effectiveRoles"];
    if (!Array.isArray(roles) || roles.length === 0) roles = require("roles/effectiveRoles").of(owner, "roles");
    var seen = {};
    var found = [];
    roles.forEach(function (reference) {
      var role = openidm.read(reference._ref, null, ["assignments"]);
      ((role && role.assignments) || []).forEach(function (link) {
        if (seen[link._ref]) return;
        seen[link._ref] = true;
        var assignment = openidm.read(link._ref);
        if (assignment !== null) found.push(assignment);
      });
    });
    return found;
  }

  if (typeof exports !== "undefined") exports.of = of;
  var given = typeof effectiveRolesPropName === "undefined" ? "effectiveRoles" : effectiveRolesPropName;
  return typeof object === "undefined" ? null : of(object, given);
})();
