// How an assignment changes one attribute of a target.
(function () {
  function same(a, b) {
    if (a === b) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
    var names = Object.keys(a);
    return Array.isArray(a) === Array.isArray(b) && names.length === Object.keys(b).length && names.every(function (name) {
      return same(a[name], b[name]);
    });
  }

  function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
  }

  function listOf(value) {
    return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  }

  function without(list, values) {
    return list.filter(function (item) {
      return !values.some(function (value) { return same(item, value); });
    });
  }

  function merged(present, value) {
    if (isObject(value) && isObject(present)) {
      var found = Object.assign({}, present);
      Object.keys(value).forEach(function (name) { found[name] = merged(present[name], value[name]); });
      return found;
    }
    if (!Array.isArray(value)) return value;
    var base = listOf(present);
    return base.concat(without(value, base));
  }

  function removed(present, value) {
    if (Array.isArray(present)) return without(present, listOf(value));
    if (isObject(present) && isObject(value)) {
      var found = {};
      Object.keys(present).forEach(function (name) {
        var rest = name in value ? removed(present[name], value[name]) : present[name];
        if (rest !== undefined) found[name] = rest;
      });
      return found;
    }
    return same(present, value) ? undefined : present;
  }

  var OPERATIONS = {
    mergeWithTarget: merged,
    removeFromTarget: removed,
    replaceTarget: function (_present, value) { return value; },
    noOp: function (present) { return present; },
  };

  exports.perform = function (operation, target, name, value) {
    var result = OPERATIONS[operation](target ? target[name] : undefined, value);
    return result === undefined ? {} : { value: result };
  };
})();
