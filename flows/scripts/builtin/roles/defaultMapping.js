// What role assignments add to a target, after the properties of the mapping were applied.
//
// Variables: `source`, `oldSource`, `target`, `config` (the mapping), `existingTarget`, `linkQualifier`. A source without
// `effectiveAssignments` is left alone. Attributes of assignments that the source no longer has are taken back.
(function () {
  function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
  }

  function same(a, b) {
    if (a === b) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
    var names = Object.keys(a);
    return Array.isArray(a) === Array.isArray(b) && names.length === Object.keys(b).length && names.every(function (name) {
      return same(a[name], b[name]);
    });
  }

  function holds(list, value) {
    return list.some(function (candidate) {
      return same(candidate, value);
    });
  }

  function copy(value) {
    return JSON.parse(JSON.stringify(value));
  }

  function merged(present, value) {
    if (Array.isArray(value)) {
      var base = Array.isArray(present) ? present : present === undefined || present === null ? [] : [present];
      return base.concat(value.filter(function (item) {
        return !holds(base, item);
      }));
    }
    if (isObject(value) && isObject(present)) {
      Object.keys(value).forEach(function (name) {
        present[name] = merged(present[name], value[name]);
      });
      return present;
    }
    return copy(value);
  }

  function without(present, value) {
    if (Array.isArray(present)) {
      var gone = Array.isArray(value) ? value : [value];
      return present.filter(function (item) {
        return !holds(gone, item);
      });
    }
    if (isObject(present) && isObject(value)) {
      Object.keys(value).forEach(function (name) {
        if (!(name in present)) return;
        var rest = without(present[name], value[name]);
        if (rest === undefined) delete present[name];
        else present[name] = rest;
      });
      return present;
    }
    return same(present, value) ? undefined : present;
  }

  var OPERATIONS = {
    replaceTarget: function (_present, value) {
      return copy(value);
    },
    mergeWithTarget: merged,
    removeFromTarget: without,
    noOp: function (present) {
      return present;
    },
  };

  function serves(assignment) {
    var qualifiers = assignment.linkQualifiers;
    return assignment.mapping === config.name && (!Array.isArray(qualifiers) || qualifiers.length === 0 || qualifiers.indexOf(linkQualifier) >= 0);
  }

  function attributesOf(assignments) {
    var found = [];
    (assignments || []).filter(serves).forEach(function (assignment) {
      (assignment.attributes || []).forEach(function (attribute) {
        found.push(attribute);
      });
    });
    return found;
  }

  function perform(operation, attribute) {
    var act = OPERATIONS[operation];
    if (act === undefined) throw { code: 400, message: "There is no assignment operation '" + operation + "'" };
    var value = act(target[attribute.name], attribute.value);
    if (value === undefined) delete target[attribute.name];
    else target[attribute.name] = value;
  }

  function previous() {
    var last = source.lastSync && source.lastSync[config.name];
    if (last && last.effectiveAssignments) return last.effectiveAssignments;
    return typeof oldSource !== "undefined" && oldSource ? oldSource.effectiveAssignments : null;
  }

  if (typeof source === "undefined" || !source || !Array.isArray(source.effectiveAssignments)) return;
  var now = attributesOf(source.effectiveAssignments);
  attributesOf(previous()).forEach(function (attribute) {
    if (!holds(now, attribute)) perform(attribute.unassignmentOperation || "removeFromTarget", attribute);
  });
  now.forEach(function (attribute) {
    perform(attribute.assignmentOperation || "mergeWithTarget", attribute);
  });
})();
