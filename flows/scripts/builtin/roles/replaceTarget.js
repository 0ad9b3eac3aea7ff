// What an assignment does to a target: its value takes the place of what is there.
//
// Variables: `targetObject`, `attributeName`, `attributeValue`. The value is `{value}`, what the attribute is to be.
require("roles/operations").perform("replaceTarget", targetObject, attributeName, attributeValue);
