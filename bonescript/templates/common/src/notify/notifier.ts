/** Messages to people: by a mail service over HTTP, a webhook of your own, or only into the log. */
import type { NotifyConfig } from "../config.ts";
import type { Logger } from "../logger.ts";
import { post, postSigned } from "./http.ts";
import { templates } from "./templates.ts";
import type { TemplateName, TemplateValues } from "./templates.ts";

export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

const RESEND = "https://api.resend.com/emails";
const SENDGRID = "https://api.sendgrid.com/v3/mail/send";

export class Notifier {
  readonly #config: NotifyConfig;
  readonly #log: Logger;

  constructor(config: NotifyConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Sends one of the messages of `templates.ts`. */
  async sendTemplate<T extends TemplateName>(
    to: string,
    template: T,
    values: TemplateValues[T],
  ): Promise<void> {
    const write: (values: TemplateValues[T]) => { subject: string; text: string } =
      templates[template];
    await this.send({ to, ...write(values) });
  }

  /** Throws a `PostError` where the provider refuses. */
  async send(message: Message): Promise<void> {
    // A subject with a line end would be a header of the sender's choice.
    const subject = message.subject.replace(/[\r\n]+/g, " ");
    const { provider, apiKey, fromEmail, webhookUrl, webhookSecret, allowPrivate } = this.#config;
    switch (provider) {
      case "log":
        // Neither address nor text: logs are read by more people than mails.
        this.#log.info({ subject }, "message not sent: NOTIFY_PROVIDER is log");
        return;
      case "resend":
        await post(
          RESEND,
          JSON.stringify({
            from: fromEmail,
            to: [message.to],
            subject,
            text: message.text,
          }),
          { allowPrivate, headers: { authorization: `Bearer ${apiKey ?? ""}` } },
        );
        return;
      case "sendgrid":
        await post(
          SENDGRID,
          JSON.stringify({
            personalizations: [{ to: [{ email: message.to }] }],
            from: { email: fromEmail },
            subject,
            content: [{ type: "text/plain", value: message.text }],
          }),
          { allowPrivate, headers: { authorization: `Bearer ${apiKey ?? ""}` } },
        );
        return;
      case "webhook":
        await postSigned(
          webhookUrl ?? "",
          JSON.stringify({ to: message.to, subject, text: message.text }),
          { allowPrivate, secret: webhookSecret },
        );
    }
  }
}
