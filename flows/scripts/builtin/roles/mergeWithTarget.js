// What an assignment does to a target: its value is added to what is there.
//
// Variables: `targetObject`, `attributeName`, `attributeValue`. The value is `{value}`, what the attribute is to be.
require("roles/operations").perform("mergeWithTarget", targetObject, attributeName, attributeValue);
