"""Log-in, sign-up, password, profile and home; tokens for programs."""

app_name = "accounts"
urlpatterns: list = []
