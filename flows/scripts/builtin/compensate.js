// `onSync` of a managed object: all or nothing. When one of its mappings failed, the change of the object is taken back,
// which in turn synchronises the targets that had taken it, and the request fails.
//
// Variables: `syncResults` ({success, action, syncDetails}), `resourceName`, `oldObject`, `newObject`, `request`.
// Taking back does not take back itself: when that fails too, it is logged and everything stays as it is.
(function () {
  var COMPENSATING = "compensating";

  function isCompensating() {
    var given = typeof request !== "undefined" && request && request.additionalParameters;
    return Boolean(given && given[COMPENSATING]);
  }

  function revert(path) {
    var marked = {};
    marked[COMPENSATING] = "true";
    var collection = path.slice(0, path.lastIndexOf("/"));
    var id = path.slice(path.lastIndexOf("/") + 1);
    switch (syncResults.action) {
      case "notifyCreate":
        return openidm.delete(path, null, marked);
      case "notifyDelete":
        return openidm.create(collection, id, oldObject, marked);
      default:
        return openidm.update(path, null, oldObject, marked);
    }
  }

  if (syncResults.success !== false) return;
  var path = String(resourceName);
  if (isCompensating()) {
    logger.error("Taking back the change of {} failed: {}", path, syncResults.syncDetails);
    return;
  }
  try {
    revert(path);
  } catch (error) {
    logger.error("The change of {} could not be taken back: {}", path, error);
  }
  throw { code: 409, message: "The change of " + path + " was taken back: synchronising it failed", detail: syncResults.syncDetails };
})();
