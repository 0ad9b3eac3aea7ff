// The roles of an object that are in force now: those it refers to, without the ones outside of their time.
//
// Variables: `object`, and `rolesPropName` (`roles` unless given). The value is a list of references. Also a module:
// `require("roles/effectiveRoles").of(object, "roles")`.
(function () {
  var INTERVAL = /^\s*([^\/\s]+)\s*\/\s*([^\/\s]+)\s*$/;

  function inForce(constraints, now) {
    if (!Array.isArray(constraints) || constraints.length === 0) return true;
    return constraints.some(function (constraint) {
      var bounds = INTERVAL.exec(String(constraint && constraint.duration));
      if (bounds === null) return false;
      return Date.parse(bounds[1]) <= now && now < Date.parse(bounds[2]);
    });
  }

  function of(owner, property) {
    var now = Date.now();
    var held = owner && owner[property || "roles"];
    return (Array.isArray(held) ? held : []).filter(function (reference) {
      if (!reference || typeof reference._ref !== "string") return false;
      var granted = reference._refProperties || {};
      if (!inForce(granted.temporalConstraints, now)) return false;
      var role = openidm.read(reference._ref);
      return role !== null && inForce(role.temporalConstraints, now);
    }).map(function (reference) {
      var slash = reference._ref.lastIndexOf("/");
      return {
        _ref: reference._ref,
        _refResourceCollection: reference._ref.slice(0, slash),
        _refResourceId: reference._ref.slice(slash + 1),
      };
    });
  }

  if (typeof exports !== "undefined") exports.of = of;
  return typeof object === "undefined" ? null : of(object, typeof rolesPropName === "undefined" ? "roles" : rolesPropName);
})();
