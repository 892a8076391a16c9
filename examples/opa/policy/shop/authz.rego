package shop.authz

default allow := false

allow if input.user in data.shop.admins

allow if {
	input.method == "GET"
	input.path == "/prices"
}
