// correlationQuery of a mapping whose correlation was put together as a tree of target properties.
//
// Variables: `expressionTree` ({"all": [...]} or {"any": [...]}, of property names and of trees), `mapping` (its name),
// `source`, `linkQualifier`. Value: {"_queryFilter": ...}. Every property is compared with what the mapping would write.
(function () {
  function mappingOf(name) {
    var sync = openidm.read("config/sync");
    var all = (sync && sync.mappings) || [];
    for (var i = 0; i < all.length; i++) {
      if (all[i].name === name) return all[i];
    }
    var alone = openidm.read("config/mapping/" + name);
    if (alone) return alone;
    throw { code: 404, message: "There is no mapping '" + name + "' to correlate by" };
  }

  function isInline(script) {
    return typeof script.source === "string" && /javascript/i.test(script.type || "");
  }

  function evaluated(script, globals) {
    var names = Object.keys(globals);
    if (isInline(script)) {
      return runInline(script.source, globals);
    }
    var request = {};
    Object.keys(script).forEach(function (name) {
      request[name] = script[name];
    });
    request.globals = script.globals || {};
    names.forEach(function (name) {
      request.globals[name] = globals[name];
    });
    return openidm.action("script", "eval", request);
  }

  function runInline(__text, __globals) {
    var source = __globals.source;
    var object = __globals.object;
    var linkQualifier = __globals.linkQualifier;
    return eval(__text);
  }

  function applies(condition) {
    if (condition === undefined || condition === null) return true;
    if (typeof condition === "string") {
      var named = /^\s*\/?linkQualifier\s+eq\s+["']([^"']*)["']\s*$/.exec(condition);
      return named === null || named[1] === linkQualifier;
    }
    if (condition.linkQualifier !== undefined) return condition.linkQualifier === linkQualifier;
    return evaluated(condition, { object: source, linkQualifier: linkQualifier }) === true;
  }

  function valueOf(property) {
    if (property === undefined || !applies(property.condition)) return "";
    var value = property.source === "" ? source : property.source === undefined ? null : source[property.source];
    if (property.transform) {
      value = evaluated(property.transform, { source: value, linkQualifier: linkQualifier });
    }
    if (value === undefined || value === null) value = property.default;
    return value === undefined || value === null ? "" : value;
  }

  function comparison(properties, target) {
    var property = properties.filter(function (candidate) {
      return candidate.target === target;
    })[0];
    var value = valueOf(property);
    if (typeof value !== "string") {
      throw { code: 400, message: "Correlation by '" + target + "' needs a text, and the mapping gives it " + JSON.stringify(value) };
    }
    var pointer = target.charAt(0) === "/" ? target : "/" + target;
    return pointer + ' eq "' + value.replace(/\\/g, "\\\\").replace(/"/g, '\\"') + '"';
  }

  function filterOf(properties, tree) {
    if (typeof tree === "string") return comparison(properties, tree);
    var word = tree.all ? " AND " : " OR ";
    var parts = tree.all || tree.any;
    if (!Array.isArray(parts) || parts.length === 0) {
      throw { code: 400, message: "A correlation tree is {\"all\": [...]} or {\"any\": [...]} with at least one property" };
    }
    var filters = parts.map(function (part) {
      var filter = filterOf(properties, part);
      return typeof part === "string" ? filter : "(" + filter + ")";
    });
    return filters.join(word);
  }

  return { _queryFilter: filterOf(mappingOf(mapping).properties || [], expressionTree) };
})();
