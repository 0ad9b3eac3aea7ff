"""What each action does, step by step, in the order that the specification gives (section 9 of the behaviour)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conf.terms import Action
from flows.engine.attributes import apply_properties
from flows.engine.copying import copy_json
from flows.engine.differences import equal
from flows.engine.entry import Effect
from flows.engine.failures import EntryFailed

if TYPE_CHECKING:
    from flows.engine.operation import Operation
    from flows.engine.rules import Json


def perform(operation: Operation, action: Action) -> None:
    """Do it. Raises EntryFailed or the error of the script, store or connector that refused."""
    match action:
        case Action.CREATE:
            create(operation)
        case Action.UPDATE:
            if operation.answer is None or operation.source_id is not None:
                link(operation)
            update(operation)
            operation.world.settle()
            post_mapping(operation)
        case Action.LINK:
            link(operation)
            operation.world.settle()
            post_mapping(operation)
        case Action.DELETE:
            delete(operation)
        case Action.UNLINK:
            unlink(operation)
        case Action.EXCEPTION | Action.REPORT | Action.NOREPORT | Action.ASYNC | Action.IGNORE:
            return


def create(operation: Operation) -> None:
    """Map the source onto an empty object, create it, link it."""
    if operation.source is None:
        raise EntryFailed("no source object to create target from")
    if operation.target is not None:
        raise EntryFailed("target object already exists")
    rules = operation.rules
    content: dict[str, object] = {}
    write_content(operation, content, None)
    mapped_id = content.get("_id")
    if mapped_id is not None:
        operation.target_id, operation.shown_without_object = str(mapped_id), True
    if rules.on_create is not None:
        scope = operation.trigger_scope() | {"target": content}
        rules.on_create(scope, ("target",))
        mapped_id = content.get("_id")
        if mapped_id is not None:
            operation.target_id, operation.shown_without_object = str(mapped_id), True
    created = operation.world.create_target(content)
    operation.target, operation.target_loaded = created, True
    operation.target_id = str(created["_id"])
    operation.shown_without_object = True
    operation.effect = Effect.CREATED
    operation.unchanged_by_mapping = rules.on_create is None and _is_what_was_mapped(created, content)
    try:
        link(operation)
    finally:
        operation.world.settle()
    post_mapping(operation)


def write_content(operation: Operation, target: Json, before: Json | None) -> None:
    """Map the source onto `target`, in place; a responder's content takes the place of the properties."""
    answer = operation.answer
    if answer is not None and answer.content is not None:
        answer.content(operation.trigger_scope() | {"target": target}, ("target",))
    elif operation.source is not None:
        apply_properties(
            operation.rules,
            operation.source,
            target,
            qualifier=operation.qualifier,
            old_source=operation.old_source,
            old_target=before,
        )


def _is_what_was_mapped(created: Json, content: Json) -> bool:
    """Whether mapping once more would find nothing to change; secrets are not shown, defaults of the store are."""
    for name, value in content.items():
        shown = created.get(name, value)
        if shown is not value and not equal(value, shown):
            return False
    return True


def link(operation: Operation) -> None:
    """Make the link if there is none, or lead it to the present target."""
    if operation.target_id is None:
        raise EntryFailed("no target object to link")
    rules, world = operation.rules, operation.world
    if not rules.linking:
        return
    if operation.link is None:
        if operation.source_id is None:
            raise EntryFailed("no source object to link")
        if rules.on_link is not None:
            rules.on_link(operation.trigger_scope(), ())
        operation.link = world.create_link(operation.qualifier, operation.source_id, operation.target_id)
        operation.link_created = True
    elif operation.link.target_id != operation.target_id:
        operation.link = world.repoint_link(operation.link, operation.target_id)


def update(operation: Operation) -> None:
    """Map onto the present target and write it when it differs; without both objects there is nothing to do."""
    is_answered = operation.answer is not None and operation.answer.content is not None
    if operation.target is None or (operation.source is None and not is_answered):
        return
    rules, target = operation.rules, operation.target
    before = copy_json(target)
    write_content(operation, target, before)
    if rules.on_update is not None:
        rules.on_update(operation.trigger_scope() | {"oldTarget": before}, ("target",))
    if equal(before, target):
        operation.effect = Effect.UNCHANGED
        operation.unchanged_by_mapping = True
        return
    if str(target.get("_id")) != str(before.get("_id")):
        raise EntryFailed("target '_id' has changed")
    operation.target = operation.world.update_target(before, target)
    revision = before.get("_rev")
    if revision is not None and operation.target.get("_rev") == revision:
        # only what cannot be compared differed, such as a password that is the same after all
        operation.effect = Effect.UNCHANGED
        operation.unchanged_by_mapping = True
    else:
        operation.effect = Effect.UPDATED


def delete(operation: Operation) -> None:
    """Delete the target, then its link and whatever other links lead to it."""
    target, rules = operation.target, operation.rules
    if operation.target_id is not None and target is not None:
        if rules.on_delete is not None:
            rules.on_delete(operation.trigger_scope(), ())
        operation.world.delete_target(target)
        operation.target = None
        operation.effect = Effect.DELETED
    try:
        unlink(operation)
    finally:
        if operation.effect is Effect.DELETED and operation.target_id is not None:
            operation.world.delete_links_of_target(operation.target_id)
        operation.world.settle()


def unlink(operation: Operation) -> None:
    """Delete the link; without one there is nothing to do."""
    if not operation.rules.linking or operation.link is None:
        return
    if operation.rules.on_unlink is not None:
        operation.rules.on_unlink(operation.trigger_scope(), ())
    operation.world.delete_link(operation.link)
    operation.link = None


def post_mapping(operation: Operation) -> None:
    """postMapping runs after create, update and link."""
    if operation.rules.post_mapping is not None:
        operation.rules.post_mapping(operation.trigger_scope(), ())
