"""What a button does, as values: each module of this package is a family of them, an Action is any of them.

Every action says what shall be so, never "change over": pressing twice is the same as pressing once. Who may
press is decided elsewhere; how they stand in a button's data is callback_data.py's.
"""

from bot.messages.actions.browsing import BrowsingAction
from bot.messages.actions.conversation import ConversationAction
from bot.messages.actions.courses import CourseAction
from bot.messages.actions.operators import OperatorAction
from bot.messages.actions.posts import PostAction
from bot.messages.actions.settings import SettingsAction
from bot.messages.actions.subscriptions import SubscriptionAction

Action = (
    BrowsingAction
    | PostAction
    | SubscriptionAction
    | SettingsAction
    | CourseAction
    | ConversationAction
    | OperatorAction
)
