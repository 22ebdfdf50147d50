"""Landing pages are rendered within fuel, with values that stay text, and reach nothing outside of the template."""

import time

import pytest

from carillon.errors import InvalidInputError
from carillon.links.rendering import MAX_TEMPLATE_CHARACTERS, PAGE_POLICY, check_template, render_page

pytestmark = pytest.mark.any_database


def test_values_are_put_in_and_what_is_missing_is_empty() -> None:
    assert render_page("<p>Hi {{ name }}{{ other }}{{ a.b.c }}!</p>", {"name": "Rita"}) == "<p>Hi Rita!</p>"
    assert render_page("{% if vip %}gold{% else %}{{ name|upper }}{% endif %}", {"name": "rita"}) == "RITA"


def test_a_value_never_becomes_markup() -> None:
    value = "<script>alert('x')</script>\"&"
    page = render_page('<p title="{{ a }}">{{ a }}</p>', {"a": value})
    assert "<script" not in page
    assert '"&' not in page.replace('"&lt;', "").replace('"&quot;', "")


HUNGRY = [
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ ('a' * 100000)|replace('a', 'b' * 100000) }}",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "{{ 'x'|indent(999999999) }}",
    "{{ range(100000000)|list|length }}",
    "{{ [1] * 1000000000 }}",
    "{% set a = 'x' * 1000 %}{% for b in range(9999) %}{{ a }}{% endfor %}",
]


@pytest.mark.parametrize("template", HUNGRY)
def test_a_page_that_takes_too_much_ends_soon(template: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidInputError) as caught:
        render_page(template, {})
    assert caught.value.field == "template"
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "template",
    [
        "{% include '/etc/passwd' %}",
        "{% extends 'other.html' %}",
        "{% import 'os' as os %}{{ os }}",
        "{{ a|safe }}",
        "{{ debug() }}",
        "{{ open('/etc/passwd') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ a.__class__.__init__.__globals__ }}{{ nothing() }}",
        "{% for",
        "{{ }}",
    ],
)
def test_a_page_reaches_nothing_outside(template: str) -> None:
    with pytest.raises(InvalidInputError):
        render_page(template, {"a": "x"})


def test_attributes_of_texts_are_nothing() -> None:
    assert render_page("{{ a.__class__ }}{{ a.encode }}{{ self.x }}", {"a": "x"}) == ""


def test_a_template_is_checked_before_it_is_kept() -> None:
    check_template("<p>{{ name }}</p>")
    for wrong in ("{{", "x" * (MAX_TEMPLATE_CHARACTERS + 1), "\0"):
        with pytest.raises(InvalidInputError):
            check_template(wrong)


UNCOUNTED = [
    "{{ [1]*(n|int) }}",
    "{{ 2 in [1]*100000000 }}",
    "{% if 2 in [1]*100000000 %}x{% endif %}",
    "{%- set a = 2 ** 9 -%}",
    "{{ {'a': {'b': 1}} and 2*3 }}",
    "{{ '}}' ~ 2*3 }}",
    "{{ '\\'}}' ~ 2*3 }}",
    "{% if '%}' ~ 2*3 %}{% endif %}",
    "{# {{ ' #}{{ 2*3 }}{# ' }} #}",
    "{% raw %}{{ ' {%- endraw +%}{{ 2*3 }}{% raw %}' }}{% endraw %}",
    "{% raw %}{% endraw\v%}{{ ' {% endraw %}{{ 2*3 }}{# ' }} #}",
    "{% autoescape false %}{{ a }}{% endautoescape %}",
    "{%-\nautoescape true%}{{ a }}{%endautoescape%}",
]


@pytest.mark.parametrize("template", UNCOUNTED)
def test_what_fuel_does_not_count_is_refused_before_it_is_rendered(template: str) -> None:
    with pytest.raises(InvalidInputError, match=r"multiplies|autoescape") as caught:
        check_template(template)
    assert caught.value.field == "template"


@pytest.mark.parametrize(
    "template",
    [
        "<style>* { margin: 0 } /* a */</style>{{ name }} 2 * 3",
        "{{ name|default('**') }}{{ \"*\" }}",
        "{# 2*3 autoescape #}{% raw %}{{ 2*3 }}{% autoescape %}{% endraw %}",
        "{% if autoescape %}autoescape{% endif %}{{ a.autoescape }}",
        "{{ {'a': {'b': 1}}}} * {{ [(1, 2)] }} * {{ 7 % 2 }} *",
    ],
)
def test_a_star_that_multiplies_nothing_is_a_pages(template: str) -> None:
    check_template(template)


def test_no_script_runs_in_a_page_and_nothing_is_sent() -> None:
    policy = dict(one.split(" ", 1) for one in PAGE_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert not {"script-src", "connect-src", "frame-src", "object-src"} & policy.keys()
    assert policy["form-action"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(policy["sandbox"].split())
