"""Frozen model types: dumps and sightings, posts, destinations and scopes, deliveries and outcomes.

Standard library only. Every layer may import this package; it imports none of them.
"""

from storage.model.chats import ChatKind as ChatKind
from storage.model.chats import Counted as Counted
from storage.model.chats import Course as Course
from storage.model.chats import Destination as Destination
from storage.model.chats import DestinationId as DestinationId
from storage.model.chats import ExcerptLength as ExcerptLength
from storage.model.chats import Format as Format
from storage.model.chats import KnownAsker as KnownAsker
from storage.model.chats import Preferences as Preferences
from storage.model.chats import Rhythm as Rhythm
from storage.model.chats import Scope as Scope
from storage.model.chats import ScopeKind as ScopeKind
from storage.model.chats import Stage as Stage
from storage.model.chats import Standing as Standing
from storage.model.chats import Subscription as Subscription
from storage.model.chats import When as When
from storage.model.chats import in_quiet as in_quiet
from storage.model.chats import local_minute as local_minute
from storage.model.chats import zone_of as zone_of
from storage.model.deliveries import Delivery as Delivery
from storage.model.deliveries import DeliveryId as DeliveryId
from storage.model.deliveries import DeliveryKind as DeliveryKind
from storage.model.deliveries import Fault as Fault
from storage.model.deliveries import Form as Form
from storage.model.deliveries import Gone as Gone
from storage.model.deliveries import InDoubt as InDoubt
from storage.model.deliveries import Moved as Moved
from storage.model.deliveries import Outcome as Outcome
from storage.model.deliveries import Pause as Pause
from storage.model.deliveries import PlanKind as PlanKind
from storage.model.deliveries import Priority as Priority
from storage.model.deliveries import Rejected as Rejected
from storage.model.deliveries import RetryLater as RetryLater
from storage.model.deliveries import Sent as Sent
from storage.model.deliveries import Settlement as Settlement
from storage.model.deliveries import State as State
from storage.model.posts import Certainty as Certainty
from storage.model.posts import Dump as Dump
from storage.model.posts import DumpId as DumpId
from storage.model.posts import DumpRecord as DumpRecord
from storage.model.posts import Growth as Growth
from storage.model.posts import HomeCapture as HomeCapture
from storage.model.posts import Layout as Layout
from storage.model.posts import Mark as Mark
from storage.model.posts import Marks as Marks
from storage.model.posts import Mention as Mention
from storage.model.posts import Note as Note
from storage.model.posts import NoteKind as NoteKind
from storage.model.posts import Post as Post
from storage.model.posts import PostId as PostId
from storage.model.posts import ScopeId as ScopeId
from storage.model.posts import Sighting as Sighting
from storage.model.posts import Source as Source
