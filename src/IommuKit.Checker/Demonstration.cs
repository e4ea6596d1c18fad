using System.Globalization;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;

namespace IommuKit.Checker;

/// <summary>A wrong DMA in the model: what the checker foresaw did happen.</summary>
/// <param name="Events">What devices and hardware did on the way, each of which they may do at any time.</param>
/// <param name="Iova">The address that the device then used.</param>
/// <param name="PhysicalAddress">Where it came out; null if the model refused it.</param>
/// <param name="IsWrite">Whether it was a write.</param>
public sealed record Demonstration(IReadOnlyList<string> Events, ulong Iova, ulong? PhysicalAddress, bool IsWrite)
{
    private const int Chances = 200;

    // Something happens by chance at one of so many moments.
    private const int Rarity = 3;

    /// <summary>Drives the model until a device gets the wrong answer.</summary>
    /// <param name="failing">The scenario.</param>
    /// <param name="violation">What is wrong with it.</param>
    /// <param name="entries">The entries that were stored last of those that translate the page.</param>
    /// <returns>Null if it could not be made to happen.</returns>
    public static Demonstration? Find(CheckCase failing, Violation violation, IReadOnlyList<ulong> entries)
    {
        ArgumentNullException.ThrowIfNull(failing);
        ArgumentNullException.ThrowIfNull(violation);
        ArgumentNullException.ThrowIfNull(entries);
        WarmUp[] warmUps =
        [
            new(false, false, null),
            new(true, false, null),
            .. entries.Select(entry => new WarmUp(false, false, entry)),
            new(false, true, null),
            new(true, true, null),
        ];
        foreach (bool isSettledLast in (bool[])[false, true])
        {
            foreach (var warmUp in warmUps)
            {
                for (long at = violation.Step; at >= 0; at--)
                {
                    long moment = at;
                    if (Try(failing, violation, entries, (machine, _) => machine.Checker.Steps == moment ? warmUp : null, isSettledLast) is { } found)
                    {
                        return found;
                    }
                }
            }
        }

        // What must be fetched twice: once when an operation begins, once on its way; and perhaps what is right must be forgotten before.
        foreach (var warmUp in (WarmUp[])[warmUps[1], warmUps[1] with { IsForgetful = true }])
        {
            for (long at = violation.Step; at >= 0; at--)
            {
                long moment = at;
                var twice = Try(failing, violation, entries, (machine, isBetween) => isBetween || machine.Checker.Steps == moment ? warmUp : null);
                if (twice is not null)
                {
                    return twice;
                }
            }
        }

        // What needs more than that, in a long scenario, is left to chance.
        for (int seed = 0; seed < Chances; seed++)
        {
            var random = new Random(seed);
            if (Try(failing, violation, entries, (_, _) => random.Next(Rarity) == 0 ? warmUps[random.Next(warmUps.Length)] : null) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Runs the scenario again and lets something happen at some of its moments.</summary>
    private static Demonstration? Try(
        CheckCase failing,
        Violation violation,
        IReadOnlyList<ulong> entries,
        Func<CheckRig, bool, WarmUp?> next,
        bool isSettledLast = false)
    {
        Demonstration? found = null;
        bool isOver = false;
        var events = new List<string>();
        UnderWay? underWay = null;
        failing.Run(log: null, (machine, isBetween) =>
        {
            if (isOver)
            {
                return;
            }

            if (machine.Checker.Violation is not null)
            {
                isOver = true;
                string[] before = [.. events];
                found = Attack(machine, violation, entries, isSettledLast, events) ?? underWay?.Arrive(machine, violation, before);
            }
            else if (next(machine, isBetween) is { } warmUp)
            {
                underWay = warmUp.Happen(machine, failing.Configuration.Pages, violation, events);
            }
        });
        return found;
    }

    /// <summary>Lets the device use the page, again and again while hardware forgets and writes back what it may.</summary>
    private static Demonstration? Attack(
        CheckRig machine, Violation violation, IReadOnlyList<ulong> entries, bool isSettledLast, List<string> events)
    {
        (string What, Action Do)[] settling =
        [
            ("register writes under way take effect", machine.SettleWrites),
            ("the TLB forgets what it holds", machine.EvictTranslations),
        ];
        (string What, Action Do)[] stages =
        [
            (string.Empty, () => { }),
            ("the other devices use the page", () => UseElsewhere(machine, violation)),
            ("the TLB forgets what it holds", machine.EvictTranslations),
            .. isSettledLast ? [] : settling,
            .. entries.Reverse().Select<ulong, (string, Action)>(entry =>
            (
                string.Create(CultureInfo.InvariantCulture, $"the line of the entry at 0x{entry:x} is written back if dirty, and caches forget it"),
                () =>
                {
                    machine.WriteBack(entry);
                    machine.EvictTableLine(entry);
                    machine.EvictTranslations();
                })),
            .. isSettledLast ? settling : [],
        ];
        foreach (var (what, happen) in stages)
        {
            happen();
            if (what.Length != 0)
            {
                events.Add(string.Create(CultureInfo.InvariantCulture, $"after access {machine.Checker.Steps}: {what}"));
            }

            ulong? address = machine.Access(violation.Device, violation.Iova, isWrite: true);
            bool isWrite = address is not null;
            address ??= machine.Access(violation.Device, violation.Iova, isWrite: false);
            if (!machine.Checker.IsAllowed(violation.Domain, violation.Page, address))
            {
                return new Demonstration(events, violation.Iova, address, isWrite || address is null);
            }
        }

        return null;
    }

    /// <summary>What other devices have hardware walk may go by an address space that they should not have.</summary>
    private static void UseElsewhere(CheckRig machine, Violation violation)
    {
        for (int device = 0; device < machine.Domains.Count; device++)
        {
            _ = device == violation.Device ? null : machine.Access(device, violation.Iova, isWrite: false);
        }
    }

    /// <summary>What happens at some moment before, so that caches come to hold what is there then.</summary>
    /// <param name="IsSettled">Whether register writes under way take effect.</param>
    /// <param name="IsWrittenBack">Whether all dirty lines of tables are written back.</param>
    /// <param name="Entry">The one entry whose line is written back, or null.</param>
    private sealed record WarmUp(bool IsSettled, bool IsWrittenBack, ulong? Entry)
    {
        /// <summary>Whether the TLB forgets what it holds before devices use it.</summary>
        public bool IsForgetful { get; init; }

        /// <summary>Lets it happen.</summary>
        /// <returns>The last access, which may stay under way; null if it was refused, or nobody knows how long.</returns>
        public UnderWay? Happen(CheckRig machine, IReadOnlyList<ulong> pages, Violation violation, List<string> events)
        {
            string when = string.Create(CultureInfo.InvariantCulture, $"after access {machine.Checker.Steps}: ");
            if (IsWrittenBack)
            {
                machine.WriteBackTables();
                events.Add($"{when}dirty lines of tables are written back");
            }

            if (Entry is { } entry)
            {
                machine.WriteBack(entry);
                events.Add(string.Create(CultureInfo.InvariantCulture, $"{when}the dirty line of the entry at 0x{entry:x} is written back"));
            }

            if (IsSettled)
            {
                machine.SettleWrites();
                events.Add($"{when}register writes under way take effect");
            }

            if (IsForgetful)
            {
                machine.EvictTranslations();
                events.Add($"{when}the TLB forgets what it holds");
            }

            for (int device = 0; device < machine.Domains.Count; device++)
            {
                foreach (ulong page in pages)
                {
                    _ = machine.Access(device, page, isWrite: false);
                }
            }

            // Last, so that it is not pushed out by others.
            ulong? last = machine.Access(violation.Device, violation.Iova, isWrite: false);
            events.Add($"{when}the devices use all pages");
            return last is { } address && machine.Drains is { } drains ? new UnderWay(address, drains) : null;
        }
    }

    /// <summary>An access that was translated and has not reached memory yet.</summary>
    /// <param name="PhysicalAddress">Where it will.</param>
    /// <param name="Drains">How often hardware had waited for accesses by then (see <see cref="CheckRig.Drains"/>).</param>
    private sealed record UnderWay(ulong PhysicalAddress, long Drains)
    {
        /// <summary>Lets it reach memory now, if nothing has waited for it since.</summary>
        public Demonstration? Arrive(CheckRig machine, Violation violation, IReadOnlyList<string> events)
        {
            if (machine.Drains != Drains
                || machine.Checker.IsAllowed(violation.Domain, violation.Page, PhysicalAddress))
            {
                return null;
            }

            string arrival = string.Create(
                CultureInfo.InvariantCulture, $"after access {machine.Checker.Steps}: the last of these reaches memory, as nothing has waited for it");
            return new Demonstration([.. events, arrival], violation.Iova, PhysicalAddress, IsWrite: false);
        }
    }
}
