// A read-only link carries its token behind the #, which browsers keep to themselves: it is shown once, by POST.
// The answer redirects to the same page, and the browser puts the # back behind it: the address bar stays the whole link.

const form = document.getElementById("show");

if (location.hash.length > 1) {
  form.elements.token.value = location.hash.slice(1);
  form.action = location.href;
  form.submit();
}
