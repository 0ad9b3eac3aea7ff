// Population script: `record` is the line of the file, `user` the object that is made of it.
// The attributes of the policy map are there already.
user.description = "from HR, number " + record._id;
