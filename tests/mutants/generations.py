"""Mechanisms of leases, fences, take-over and stop. Most of their tests end real processes."""

from __future__ import annotations

from .mutant import Mutant

GENERATIONS = [
    # -- fences ----------------------------------------------------------------------------------------------------
    Mutant(
        "no fence: whoever believes to hold an answer writes it",
        "rooms/log/append.py",
        "if generation.status != Generation.Status.STREAMING or generation.fence != fence:",
        "if generation.status != Generation.Status.STREAMING:",
        "tests/test_takeover.py -k a11 and background and sqlite",
    ),
    Mutant(
        "no fence, under any history",
        "rooms/log/append.py",
        "if generation.status != Generation.Status.STREAMING or generation.fence != fence:",
        "if False:",
        "tests/test_generation_machine.py",
    ),
    Mutant(
        "a take-over that leaves the fence as it is",
        "rooms/actions/generations.py",
        "        generation.status, generation.fence = Status.STREAMING, generation.fence + 1\n",
        "        if was == Status.STREAMING:\n"
        '            Generation.objects.filter(pk=generation_id).update(fence=F("fence") - 1)\n'
        "            generation.fence -= 1\n"
        "        generation.status, generation.fence = Status.STREAMING, generation.fence + 1\n",
        "tests/test_takeover.py -k a11 and background and postgres",
    ),
    Mutant(
        "an end without a guard: finish",
        "rooms/actions/generations.py",
        "        generation = log.fenced(job.generation, job.fence, job.written)\n        _append(",
        "        generation = log.generation(job.generation)\n        _append(",
        "tests/test_generation_machine.py",
    ),
    Mutant(
        "an end without a guard: stop",
        "rooms/actions/messages.py",
        "        if generation.status not in Generation.OPEN:\n            return None\n",
        "",
        "tests/test_stop.py -k twice",
    ),
    # -- leases ----------------------------------------------------------------------------------------------------
    Mutant(
        "a claim without a condition",
        "rooms/lease.py",
        "Generation.objects.filter(free, pk=generation_id).update(",
        "Generation.objects.filter(pk=generation_id).update(",
        "tests/test_takeover.py -k a16 and sqlite",
    ),
    Mutant(
        "leases by the worker's clock",
        "rooms/database.py",
        "    with connection.cursor() as cursor:\n        if connection.vendor",
        "    return datetime.now(UTC)\n    with connection.cursor() as cursor:\n        if connection.vendor",
        "tests/test_takeover.py -k clock and postgres",
    ),
    Mutant(
        "a lease is not renewed while the provider is silent",
        "rooms/generation/recorder.py",
        "            await commit(renew(self.job))",
        "            pass",
        "tests/test_generation.py -k silent_provider",
    ),
    Mutant(
        "no worker takes over",
        "rooms/lease.py",
        'return [*orphaned.values_list("room_id", "pk")[:AT_ONCE], *queued',
        "return [*queued",
        "tests/test_headline.py -k sqlite",
    ),
    Mutant(
        "what no worker takes waits for ever",
        "rooms/process.py",
        '    _keep("tidy", worker.tidy)\n    _keep("pulse", pulse)\n',
        '    _keep("pulse", pulse)\n',
        "tests/test_faults_worker.py -k a14",
    ),
    # -- going on --------------------------------------------------------------------------------------------------
    Mutant(
        "the place is stored in another transaction than its text",
        "rooms/generation/recorder.py",
        "                change = record(self.job, pieces, renew=renewing, checkpoint=saving, place=place)\n",
        "                change = record(self.job, pieces, renew=renewing, checkpoint=saving)\n"
        "                if place is not None:\n"
        "                    await commit(change)\n"
        "                    change = record(self.job, [], renew=False, checkpoint=False, place=place)\n",
        "tests/test_faults_worker.py -k a9 and sqlite",
    ),
    Mutant(
        "a response is resumed from its beginning",
        "rooms/providers/responses.py",
        '            params["starting_after"] = request.resume.after\n',
        "            pass\n",
        "tests/test_takeover.py -k goes_on and sqlite",
    ),
    Mutant(
        "another request after visible text: the next worker",
        "rooms/actions/generations.py",
        "if not has_text and has_time and row.attempts",
        "if has_time and row.attempts",
        "tests/test_takeover.py -k cannot_be_resumed and sqlite",
    ),
    Mutant(
        "another request after visible text: the same worker",
        "rooms/generation/asking.py",
        "return failed.passing and not self._has_text and self._attempts < settings.CHATLAB_ATTEMPTS",
        "return failed.passing and self._attempts < settings.CHATLAB_ATTEMPTS",
        "tests/test_faults_upstream.py",
    ),
    Mutant(
        "a request that nobody counts",
        "rooms/actions/generations.py",
        'update(attempts=F("attempts") + 1)',
        'update(attempts=F("attempts"))',
        "tests/test_takeover.py -k begun_again and sqlite",
    ),
    Mutant(
        "the end of the stream is taken for the end of the answer",
        "rooms/generation/asking.py",
        "                        raise _Failed(NO_END, passing=True)\n",
        '                        return Outcome("complete")\n',
        "tests/test_faults_upstream.py",
    ),
    Mutant(
        "readers are told before the commit",
        "rooms/log/writer.py",
        "                attempt.run(unknown)\n",
        "                with transaction.atomic():\n"
        "                    attempt.run(unknown)\n"
        "                    self._on_commit(attempt.batch)\n",
        "tests/test_faults_worker.py -k not_committed and sqlite",
    ),
    Mutant(
        "continue does not give the provider the text",
        "rooms/log/tree.py",
        '*([Turn("assistant", begun)] if begun else [])',
        "",
        "tests/test_retry.py -k provider_is_given",
    ),
    Mutant(
        "as many answers at once as there are questions",
        "rooms/actions/generations.py",
        "        if was == Status.QUEUED and lease.crowded(room_id):\n            return None\n",
        "",
        "tests/test_retry.py -k fourth",
    ),
    Mutant(
        "an answer waits for none before it",
        "rooms/lease.py",
        "return Q(status=Generation.Status.QUEUED) & ~Exists(before)",
        "return Q(status=Generation.Status.QUEUED)",
        "tests/test_generation_machine.py",
    ),
    Mutant(
        "what follows an answer that was stopped in the queue waits for nothing",
        "rooms/lease.py",
        "        followers.update(waits_for=before)\n",
        "        pass\n",
        "tests/test_waiting.py -k stopped_in_the_queue",
    ),
    Mutant(
        "the time that an answer waits for another is the workers' fault",
        "rooms/lease.py",
        "    followers.filter(status=Generation.Status.QUEUED).update(queued_at=now)\n",
        "",
        "tests/test_waiting.py -k no_worker_in_time",
    ),
    Mutant(
        "an answer that ends tells no worker of those that waited for it",
        "rooms/actions/generations.py",
        "    log.starts += [(generation.room, waiting) for waiting in lease.startable(generation.room)]\n",
        "",
        "tests/test_waiting.py -k chain_is_answered",
    ),
    # -- stop ------------------------------------------------------------------------------------------------------
    Mutant(
        "a stop is a request to the worker",
        "rooms/actions/messages.py",
        "        close_answer(log, generation, Generation.Status.STOPPED, by=member.pk)\n",
        "        log.stops.append(generation.id)\n",
        "tests/test_stop.py -k frozen and not locked and not provider",
    ),
    Mutant(
        "an event that meets the claim of its answer is lost",
        "rooms/worker.py",
        "                self._again.add(generation_id)\n",
        "                pass\n",
        "tests/test_hand_over.py -k being_claimed",
    ),
    Mutant(
        "a worker hears of a stop by the event only",
        "rooms/worker.py",
        "                    self.release(generation_id)\n",
        "                    pass\n",
        "tests/test_stop.py -k no_event",
    ),
    Mutant(
        "a stop leaves the response to the provider",
        "rooms/consumers/commands.py",
        "        worker.cancel_upstream(response_id)\n",
        "        pass\n",
        "tests/test_stop.py -k goes_on_without_it",
    ),
    Mutant(
        "a frozen worker keeps its room locked",
        "chatlab/settings.py",
        '            "idle_in_transaction_session_timeout": "2s",\n',
        "",
        "tests/test_stop.py --engines=postgres -k locked",
    ),
    Mutant(
        "a transaction that the database has ended is not tried again",
        "rooms/database.py",
        "CONNECTION_ERRORS = (OperationalError, InterfaceError, InternalError)",
        "CONNECTION_ERRORS = (OperationalError, InterfaceError)",
        "tests/test_faults_worker.py -k a12",
    ),
    # -- going away ------------------------------------------------------------------------------------------------
    Mutant(
        "a worker does not hear SIGTERM",
        "rooms/process.py",
        "        _on_signal(name, told.set)\n",
        "        pass\n",
        "tests/test_takeover.py -k finishes_what and sqlite",
    ),
    Mutant(
        "a worker that goes keeps its lease",
        "rooms/actions/generations.py",
        "        lease.give_back(job.generation, log.now)\n",
        "",
        "tests/test_takeover.py -k hands_its and sqlite",
    ),
    Mutant(
        "a worker that goes says nothing to its readers",
        "rooms/generation/__init__.py",
        "        if leaving():\n",
        "        if False:\n",
        "tests/test_takeover.py -k handed_over and sqlite",
    ),
    Mutant(
        "a listener that fails is not started again",
        "rooms/process.py",
        "            await work()\n        except Exception as error:\n",
        "            await work()\n        except ZeroDivisionError as error:\n",
        "tests/test_faults_worker.py -k a15",
    ),
]
