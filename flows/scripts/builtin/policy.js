// Whether an object fulfils the policies that managed.json declares, for endpoints and hooks that ask by this name.
//
// Variables: `request` (`resourcePath` as `managed/user/*`, `action` as `validateObject`, `content`). The value is
// `{result, failedPolicyRequirements}`. Also a module: `require("policy").validate("managed/user/*", object)`.
(function () {
  function validate(path, content, action) {
    return openidm.action("policy/" + path, action || "validateObject", content);
  }

  if (typeof exports !== "undefined") exports.validate = validate;
  if (typeof request === "undefined" || !request) return null;
  return validate(String(request.resourcePath || request.resourceName), request.content, request.action);
})();
