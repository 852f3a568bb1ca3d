"""The two wire formats: which events make an answer, as dicts. Numbers and bytes are added by `answer`."""

from __future__ import annotations

import time
from collections.abc import Iterator

Event = dict
USAGE = {"input": 12, "output": 34, "reasoning": 0}


class Responses:
    """OpenAI's Responses API."""

    end = b""

    def __init__(self, answer_id: str, model: str):
        self.id, self.model = answer_id, model
        self.text = ""
        self.reasoning = ""
        self.item = f"msg_{answer_id[5:]}"
        self.thought = f"rs_{answer_id[5:]}"

    def encode(self, event: Event, body: str) -> bytes:
        return f"event: {event.get('type', 'message')}\ndata: {body}\n\n".encode()

    def begin(self) -> Iterator[Event]:
        yield {"type": "response.created", "response": self.response("in_progress")}
        yield {"type": "response.in_progress", "response": self.response("in_progress")}

    def begin_text(self) -> Iterator[Event]:
        item = {"id": self.item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        yield {"type": "response.output_item.added", "output_index": 0, "item": item}
        yield {**self._at("response.content_part.added"), "part": self._part("")}

    def delta(self, piece: object) -> Event:
        if isinstance(piece, str):
            self.text += piece
        return {**self._at("response.output_text.delta"), "delta": piece, "logprobs": []}

    def think(self, piece: str) -> Event:
        self.reasoning += piece
        kind = "response.reasoning_summary_text.delta"
        return {"type": kind, "item_id": self.thought, "output_index": 0, "summary_index": 0, "delta": piece}

    def refuse(self, piece: str) -> Event:
        return {**self._at("response.refusal.delta"), "delta": piece}

    def finish(
        self,
        *,
        usage: dict,
        status: str = "completed",
        final: str | None = None,
        response: dict | None = None,
        **fields: object,
    ) -> Iterator[Event]:
        text = self.text if final is None else final
        content = [self._part(text)]
        item = {"id": self.item, "type": "message", "status": status, "role": "assistant", "content": content}
        if status == "completed":
            yield {**self._at("response.output_text.done"), "text": text, "logprobs": []}
            yield {**self._at("response.content_part.done"), "part": self._part(text)}
            yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        ended = self.response(status, output=[item], usage=self._usage(usage), **fields)
        yield {"type": f"response.{status}", "response": {**ended, **(response or {})}}

    def error(self, error: dict) -> Iterator[Event]:
        yield {"type": "error", "code": "server_error", "message": "Something broke.", "param": None, **error}

    def response(self, status: str, **fields: object) -> dict:
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(time.time()),
            "status": status,
            "model": self.model,
            "output": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": None,
            **fields,
        }

    def _at(self, kind: str) -> Event:
        return {"type": kind, "item_id": self.item, "output_index": 0, "content_index": 0}

    @staticmethod
    def _part(text: str) -> dict:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    @staticmethod
    def _usage(usage: dict) -> dict:
        return {
            "input_tokens": usage["input"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["output"],
            "output_tokens_details": {"reasoning_tokens": usage["reasoning"]},
            "total_tokens": usage["input"] + usage["output"],
        }


class Chat:
    """Chat Completions, as every compatible server speaks it: no sequence numbers, no resuming."""

    end = b"data: [DONE]\n\n"

    def __init__(self, answer_id: str, model: str, usage_wanted: bool):
        self.id, self.model, self.usage_wanted = answer_id, model, usage_wanted
        self.text = ""

    def encode(self, event: Event, body: str) -> bytes:
        return f"data: {body}\n\n".encode()

    def begin(self) -> Iterator[Event]:
        yield self._chunk({"role": "assistant", "content": ""})

    def begin_text(self) -> Iterator[Event]:
        return iter(())

    def delta(self, piece: object) -> Event:
        if isinstance(piece, str):
            self.text += piece
        return self._chunk({"content": piece})

    def think(self, piece: str) -> Event:
        return self._chunk({"reasoning_content": piece})

    def refuse(self, piece: str) -> Event:
        return self._chunk({"refusal": piece})

    def finish(
        self, *, usage: dict, status: str = "completed", final: str | None = None, **fields: object
    ) -> Iterator[Event]:
        reason = {"completed": "stop", "incomplete": "length"}.get(status, status)
        details = fields.get("incomplete_details") or {}
        reason = "content_filter" if details.get("reason") == "content_filter" else reason
        yield self._chunk({}, finish_reason=reason)
        if self.usage_wanted:
            yield {**self._chunk({}), "choices": [], "usage": self._usage(usage)}

    def error(self, error: dict) -> Iterator[Event]:
        yield {"error": {"code": "server_error", "message": "Something broke.", **error}}

    def _chunk(self, delta: dict, finish_reason: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        kind = "chat.completion.chunk"
        return {"id": self.id, "object": kind, "created": int(time.time()), "model": self.model, "choices": [choice]}

    @staticmethod
    def _usage(usage: dict) -> dict:
        total = usage["input"] + usage["output"]
        return {"prompt_tokens": usage["input"], "completion_tokens": usage["output"], "total_tokens": total}
