// What an assignment does to a target: nothing.
//
// Variables: `targetObject`, `attributeName`, `attributeValue`. The value is `{value}`, what the attribute is to be.
require("roles/operations").perform("noOp", targetObject, attributeName, attributeValue);
