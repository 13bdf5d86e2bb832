"""The forms, with a signed CSRF token instead of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, IntegerField, SelectField, StringField
from wtforms.csrf.core import CSRF
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError
from wtforms.widgets import HiddenInput

from portal.domain.comparable_numbers import is_shared
from portal.domain.onboarding import LIFETIME, Details
from portal.domain.proof_of_work import effort_shown
from portal.web.consent import agreement
from portal.web.context import portal
from portal.web.countries import COUNTRY_NAMES, OTHER, other_countries
from portal.web.document_numbers import CUIL_NEEDED, DocumentNumberError, DocumentRule, normalise, rule_for
from portal.web.links import FORM_LIFETIME, FormToken, FormTokens, StaleForm
from portal.web.name_and_email import NameOrEmailError, plain_email, plain_name
from portal.web.refusals import Refusal
from portal.web.slots import slot
from portal.web.typed_text import without_margins


class SignedToken(CSRF):  # type: ignore[misc]
    """A signed token with an expiry: needs no session and no cookie."""

    def setup_form(self, form: Any) -> Any:
        self._tokens: FormTokens = form.meta.tokens
        self._subject: str = form.meta.subject
        return super().setup_form(form)

    def generate_csrf_token(self, field: Field) -> str:
        return slot("form_token", self._tokens.issue(self._subject))

    def validate_csrf_token(self, form: Any, field: Field) -> None:
        try:
            form.token = self._tokens.read(field.data or "", self._subject, lifetime=form.meta.lifetime)
        except StaleForm:
            portal().refusals.count(Refusal.BAD_FORM)
            raise ValidationError(
                _("This page was open for a long time. Please check your details and send them again.")
            ) from None


class SignedForm(FlaskForm):  # type: ignore[misc]
    token: FormToken | None = None

    class Meta:
        csrf = True
        csrf_class = SignedToken
        csrf_field_name = "form_token"
        lifetime = FORM_LIFETIME

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Only form-encoded text: Flask-WTF also takes files and JSON, and then a field may have any type."""
            return request.form if request.method == "POST" else None

        def get_translations(self, form: Any) -> None:
            """All messages are our own; WTForms' would be read from its files for each form."""

    def __init__(self, tokens: FormTokens, subject: str, **kwargs: Any) -> None:
        """`subject`: the only thing that the token is valid for, e.g. an onboarding id."""
        super().__init__(meta={"tokens": tokens, "subject": subject}, **kwargs)

    @property
    def read_token(self) -> FormToken:
        """Only after `validate()` returned True."""
        if self.token is None:
            raise RuntimeError("read_token before validate")
        return self.token

    def keep_token(self) -> None:
        """Keeps the token, so that sending the form again after a failure stays the same submission."""
        self.form_token.current_token = self.form_token.data


class ActionForm(SignedForm):
    """A button with the number of the validation that it was shown for.

    It holds for as long as the page's link, because nothing typed goes with it and a page stays open overnight.
    """

    class Meta(SignedForm.Meta):
        lifetime = LIFETIME

    attempt = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


def _a_name(form: FlaskForm, field: StringField) -> None:
    field.data = _checked(plain_name, field)


def _an_address(form: FlaskForm, field: StringField) -> None:
    field.data = _checked(plain_email, field)


def _checked(rule: Callable[[str], str], field: StringField) -> str:
    try:
        return rule(field.data or "")
    except NameOrEmailError as error:
        raise ValidationError(error.message) from None


def _consent() -> BooleanField:
    return BooleanField(
        LazyString(agreement),
        false_values=(False, "", "false", "0", "no", "off"),
        validators=[DataRequired(_("We need your agreement to verify your identity."))],
    )


class ConsentForm(SignedForm):
    """For customers whose details came from the partner."""

    consent = _consent()


class _PersonForm(SignedForm):
    """With names, and a document number that people must have seen as the country prints it before it is used."""

    normalised_number = ""

    @property
    def issuer(self) -> str:
        """ISO 3166-1 alpha-2 of the document's country; `other` until it is chosen."""
        raise NotImplementedError

    @property
    def rule(self) -> DocumentRule:
        return rule_for(self.issuer)

    @property
    def number_was_shown(self) -> bool:
        """By the script while it was typed, or by this page when it came back."""
        shown = self.shown_number.data or ""
        try:
            return normalise(self.issuer, shown) == self.normalised_number
        except DocumentNumberError:
            return False

    def show_number(self) -> None:
        """In the page that is rendered next, if it can be used."""
        self.shown_number.data = self.rule.grouped(self.normalised_number)
        self.document_number.data = self.shown_number.data or self.document_number.data

    def validate_document_number(self, field: StringField) -> None:
        try:
            self.normalised_number = normalise(self.issuer, field.data or "")
        except DocumentNumberError as error:
            raise ValidationError(error.message) from None

    def validate_last_name(self, field: StringField) -> None:
        if self.has_one_name.data:
            if field.data:
                raise ValidationError(_("Leave this empty if you have only one name, or untick the box."))
        elif not (field.data or "").strip():
            raise ValidationError(_("Enter your last name, or tick the box if you have only one name."))
        else:
            _a_name(self, field)


def _first_name() -> StringField:
    return StringField(_("First name"), validators=[InputRequired(_("Enter your first name.")), _a_name])


def _last_name() -> StringField:
    return StringField(_("Last name"))


def _has_one_name() -> BooleanField:
    return BooleanField(_("I have only one name"))


class CorrectionForm(_PersonForm):
    """For a number that was mistyped; with the names only if gu1's record is not this onboarding's own."""

    document_number = StringField(_("Document number"))
    shown_number = StringField(widget=HiddenInput())
    first_name = _first_name()
    last_name = _last_name()
    has_one_name = _has_one_name()

    def __init__(self, tokens: FormTokens, subject: str, *, country: str, with_names: bool) -> None:
        super().__init__(tokens, subject)
        self._country = country
        if not with_names:
            del self.first_name
            del self.last_name
            del self.has_one_name

    @property
    def issuer(self) -> str:
        return self._country

    @property
    def names(self) -> dict[str, str]:
        return {name: field.data for name in ("first_name", "last_name") if (field := self._fields.get(name))}


class DetailsForm(_PersonForm):
    country = SelectField(_("Country of your document"), validate_choice=False)
    issuing_country = SelectField(_("Which country?"), validate_choice=False)
    document_number = StringField(_("Document number"))
    shown_number = StringField(widget=HiddenInput())
    first_name = _first_name()
    last_name = _last_name()
    has_one_name = _has_one_name()
    email = EmailField(
        _("E-mail (optional)"),
        filters=[lambda typed: typed and without_margins(typed)],
        validators=[Optional(), _an_address],
    )
    consent = _consent()
    proof = StringField(widget=HiddenInput())
    needs_cuil = False
    """A number that two people can have is not enough."""

    def __init__(self, tokens: FormTokens, subject: str, *, default_country: str | None, **kwargs: Any) -> None:
        super().__init__(tokens, subject, **kwargs)
        self.country.choices = list(COUNTRY_NAMES.items())
        self.issuing_country.choices = other_countries()
        if self.country.data not in COUNTRY_NAMES and not self.is_submitted():
            self.country.data = default_country

    @property
    def issuer(self) -> str:
        chosen = self.country.data or OTHER
        if chosen != OTHER:
            return str(chosen)
        return self.issuing_country.data or OTHER

    @property
    def details(self) -> Details:
        return Details(
            country=self.issuer,
            document_number=self.normalised_number,
            first_name=self.first_name.data,
            last_name=self.last_name.data,
            email=self.email.data or None,
        )

    @property
    def effort(self) -> int:
        """What was done to exceed a limit of starts, see `StartCounter`. Only after `validate()` returned True."""
        return effort_shown(self.form_token.data, self.proof.data or "", self.read_token.age)

    def fill_in(self, details: Details) -> None:
        """Leaves out the number, which must be typed again, and the e-mail address, which gu1 may have refused."""
        listed = details.country in COUNTRY_NAMES
        self.country.data = details.country if listed else OTHER
        self.issuing_country.data = None if listed else details.country
        self.first_name.data, self.last_name.data = details.first_name, details.last_name
        self.has_one_name.data = not details.last_name

    def mark_refused(self, number: str) -> None:
        """Points at the field whose number gu1 did not take."""
        self.document_number.errors = [
            _(
                "We sent the number that ends in %(digits)s, and it couldn't be used. "
                "Please compare it and everything else with your document.",
                digits=number[-3:],
            )
        ]

    def validate_country(self, field: SelectField) -> None:
        if field.data not in COUNTRY_NAMES:
            raise ValidationError(_("Choose the country that issued your document."))

    def validate_issuing_country(self, field: SelectField) -> None:
        if self.country.data == OTHER and field.data not in dict(field.choices):
            raise ValidationError(_("Choose the country that issued your document."))

    def validate_document_number(self, field: StringField) -> None:
        super().validate_document_number(field)
        if self.needs_cuil and is_shared(self.issuer, self.normalised_number):
            raise ValidationError(CUIL_NEEDED)
