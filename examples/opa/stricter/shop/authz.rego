package shop.authz

default allow := false

allow if {
	input.user in data.shop.admins
	input.method == "GET"
}
