"""A course through a series: it begins, goes on, rests, ends."""

from dataclasses import dataclass

from storage.model import When


@dataclass(frozen=True, slots=True)
class CourseStart:
    """`when` is DAILY or WEEKLY."""

    scope: int
    when: When = When.DAILY


@dataclass(frozen=True, slots=True)
class CourseNext:
    scope: int


@dataclass(frozen=True, slots=True)
class CoursePause:
    scope: int


@dataclass(frozen=True, slots=True)
class CourseResume:
    scope: int


@dataclass(frozen=True, slots=True)
class CourseStop:
    scope: int


CourseAction = CourseStart | CourseNext | CoursePause | CourseResume | CourseStop
