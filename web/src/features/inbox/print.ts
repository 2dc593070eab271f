/** A message on paper: a page of its own that prints itself, without the desk around it. */
import { exactTime } from "../../components/time";
import type { Schemas } from "../../client";
import { texts } from "../../texts";

export function printMessage(view: Schemas["MessageView"]) {
  const sheet = document.createElement("iframe");
  sheet.title = texts.print;
  sheet.style.cssText = "position:fixed;width:720px;height:1000px;left:-9999px;top:0;border:0";
  document.body.append(sheet);
  const page = sheet.contentDocument;
  if (!page) return;
  const add = (tag: string, text: string, style = "") => {
    const element = page.createElement(tag);
    element.textContent = text;
    element.style.cssText = style;
    page.body.append(element);
    return element;
  };
  page.body.style.cssText = "font:13px/1.5 Inter,system-ui,sans-serif;color:#000;margin:0";
  add("h1", view.row.subject || texts.noSubject, "font-size:19px");
  const named = (role: string) =>
    view.addresses
      .filter((address) => address.role === role)
      .map((address) =>
        address.name ? `${address.name} <${address.address ?? ""}>` : address.address,
      )
      .join(", ");
  for (const role of ["from", "to", "cc"])
    if (named(role)) add("div", `${role[0]?.toUpperCase()}${role.slice(1)}: ${named(role)}`);
  add(
    "div",
    exactTime(new Date(view.row.arrived_at)),
    "margin-bottom:16px;border-bottom:1px solid #999;padding-bottom:8px",
  );
  const done = () => setTimeout(() => sheet.remove(), 1000);
  const print = () => {
    sheet.contentWindow?.print();
    done();
  };
  if (!view.frame) {
    add(
      "div",
      view.text.map((block) => block.text).join(""),
      "white-space:pre-wrap;overflow-wrap:anywhere",
    );
    print();
    return;
  }
  const body = page.createElement("iframe");
  body.setAttribute("sandbox", "");
  body.style.cssText = "width:100%;height:820px;border:0";
  body.addEventListener("load", print);
  body.src = view.frame.url;
  page.body.append(body);
}
