using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>
/// Stream table entries and context descriptors that change under a running device, one quadword after the other, with a transaction between any
/// two: it
/// sees the old entry or the new one, and never a mixture. The updater here is the least that does so; how many syncs each change takes is known
/// from the
/// tests of Linux's driver.
/// </summary>
public sealed class Smmu3UpdateTests
{
    private const ulong Incoming = 1ul << 44;
    private const ulong ContextBits = 0x3f << 2;

    [Theory]
    [InlineData("abort", "bypass", 2, true)]
    [InlineData("bypass", "abort", 2, true)]
    [InlineData("cd", "abort", 2, true)]
    [InlineData("abort", "cd", 2, true)]
    [InlineData("cd", "bypass", 3, true)]
    [InlineData("bypass", "cd", 3, true)]
    [InlineData("cd", "dss bypass", 1, true)]
    [InlineData("dss bypass", "cd", 1, true)]
    [InlineData("dss bypass", "bypass", 2, true)]
    [InlineData("bypass", "dss bypass", 2, true)]
    [InlineData("s2", "abort", 2, true)]
    [InlineData("abort", "s2", 2, true)]
    [InlineData("s2", "bypass", 2, true)]
    [InlineData("bypass", "s2", 2, true)]
    [InlineData("cd", "s2", 3, true)]
    [InlineData("s2", "cd", 3, true)]
    [InlineData("cd", "other cd, dss bypass", 3, false)]
    [InlineData("other cd, dss bypass", "cd", 3, false)]
    public void A_stream_changes_without_a_gap(string from, string to, int syncs, bool isHitless)
    {
        using var machine = new Smmu3Machine();
        ulong[] old = Prepare(machine)[from];
        ulong[] wanted = Prepare(machine)[to];
        const ulong at = Smmu3Machine.StreamTable + (8 * 64);
        machine.Store(at, old).SwitchOn();
        var before = See(machine);
        machine.Store(at, wanted).Model.Evict();
        var after = See(machine);
        machine.Store(at, old).Model.Evict();
        (before != after || from.EndsWith("bypass")).ShouldBeTrue();
        int seen = Update(machine, at, old, wanted, UsedOfStream, 0, Smmu3Command.DropStream(8), () =>
        {
            machine.Model.Evict();
            var now = See(machine);
            bool isRight = now == before || now == after || (!isHitless && now.Event == Smmu3EventType.BadStream);
            isRight.ShouldBeTrue($"{from} to {to}: {now}, and not {before} or {after}");
        });
        seen.ShouldBe(syncs);
        machine.Read(0x1000).ShouldBe(after.Address);
    }

    [Theory]
    [InlineData("none", "one", 2, false)]
    [InlineData("one", "none", 2, false)]
    [InlineData("one", "other ASID", 1, true)]
    public void A_context_changes_without_a_gap(string from, string to, int syncs, bool isHitless)
    {
        using var machine = new Smmu3Machine();
        var streams = Prepare(machine);
        const ulong at = Smmu3Machine.Contexts + (8 * 64);
        ulong[] one = [.. Enumerable.Range(0, 4).Select(i => machine.Load(at + ((ulong)i * 8)))];
        var contexts = new Dictionary<string, ulong[]>
        {
            ["none"] = [0, 0, 0, 0],
            ["one"] = one,
            ["other ASID"] = [one[0] ^ (5ul << 48), one[1], one[2], one[3]],
        };
        machine.Store(Smmu3Machine.StreamTable + (8 * 64), streams["cd"]).Store(at, contexts[from]).SwitchOn();
        int seen = Update(machine, at, contexts[from], contexts[to], UsedOfContext, 0, Smmu3Command.DropContext(8, 0), () =>
        {
            machine.Model.Evict();
            var now = See(machine);
            (now.Address == 0x7000_0000 || (!isHitless && now.Event == Smmu3EventType.BadContext)).ShouldBeTrue(now.ToString());
        });
        seen.ShouldBe(syncs);
    }

    /// <summary>Stream table entries, by name; and what they lead to.</summary>
    private static Dictionary<string, ulong[]> Prepare(Smmu3Machine machine)
    {
        // At places of their own, so that twice is the same as once.
        const ulong first = 0x30_0000;
        const ulong second = 0x32_0000;
        for (ulong table = 0; table < 3; table++)
        {
            machine.Store(first + (table << 12), (first + ((table + 1) << 12)) | 3);
        }

        machine.Store(first + 0x3008, 0x7000_0000 | Smmu3Machine.ValidLeaf);
        machine.Store(second, (second + 0x2000) | 3).Store(second + 0x2000, (second + 0x3000) | 3);
        machine.Store(second + 0x3008, 0x7100_0000 | 0xfc | 3 | (1 << 10));
        const ulong context = Smmu3Machine.Contexts + (8 * 64);
        machine.Store(context, Smmu3Machine.First(1), first, 0, 0xff).Store(context + 64, Smmu3Machine.First(2), first, 0, 0xff);

        // With one bit of substreams, so that S1DSS counts. Two contexts must be aligned to their table.
        const ulong stage1 = (5 << 1) | 1 | (1ul << 59);
        return new Dictionary<string, ulong[]>
        {
            ["abort"] = [1, 0, 0, 0],
            ["bypass"] = [(4 << 1) | 1, Incoming, 0, 0],
            ["cd"] = [context | stage1, 2 | ContextBits, 0, 0],
            ["dss bypass"] = [context | stage1, 1 | ContextBits | Incoming, 0, 0],
            ["other cd, dss bypass"] = [(context + 128) | stage1, 1 | ContextBits | Incoming, 0, 0],
            ["s2"] = [(6 << 1) | 1, Incoming, Smmu3Machine.Second(0), second],
        };
    }

    private static (Smmu3Outcome Outcome, ulong? Address, Smmu3EventType Event) See(Smmu3Machine machine)
    {
        var answer = machine.Ask(0x1000);
        while (machine.TakeEvent() is not null)
        {
        }

        return (answer.Outcome, answer.Range.IsAllowed ? answer.Range.PhysicalOf(0x1000) : null, answer.Event);
    }

    private static ulong[] UsedOfStream(ulong[] entry)
    {
        if ((entry[0] & 1) == 0)
        {
            return [1, 0, 0, 0];
        }

        bool passesBy = (entry[1] & 3) == 1;
        return ((entry[0] >> 1) & 7) switch
        {
            4 => [0xf, 3ul << 44, 0, 0],
            5 => [ulong.MaxValue, 0xff | (0x1ful << 27) | (passesBy ? 3ul << 44 : 0), 0xffff, 0],
            6 => [0xf, (3ul << 28) | (3ul << 44), ulong.MaxValue, ulong.MaxValue],
            _ => [0xf, 0, 0, 0],
        };
    }

    private static ulong[] UsedOfContext(ulong[] entry) =>
        (entry[0] & (1ul << 31)) == 0 ? [1ul << 31, 0, 0, 0] : [ulong.MaxValue, ulong.MaxValue, 0, ulong.MaxValue];

    /// <summary>Changes an entry in steps: what is not used yet; the one quadword that switches, or all behind V = 0; what is not used any
    /// more.</summary>
    /// <returns>How many syncs that took.</returns>
    private static int Update(
        Smmu3Machine machine, ulong at, ulong[] entry, ulong[] wanted, Func<ulong[], ulong[]> usedOf, int valid, Smmu3Command drop, Action check)
    {
        ulong[] now = [.. entry];
        ulong[] used = usedOf(entry);
        ulong[] usedThen = usedOf(wanted);
        ulong[] prepared = [.. Enumerable.Range(0, 4).Select(i => (entry[i] & used[i]) | (wanted[i] & ~used[i]))];
        int[] switching = [.. Enumerable.Range(0, 4).Where(i => (prepared[i] & usedThen[i]) != (wanted[i] & usedThen[i]))];
        int syncs = 0;
        if (switching.Length == 1)
        {
            prepared[switching[0]] = entry[switching[0]];
            Write(prepared);
            prepared[switching[0]] = wanted[switching[0]];
            Write(prepared);
            Write(wanted);
        }
        else
        {
            ulong v = usedOf([0, 0, 0, 0])[valid];
            prepared = [.. entry];
            prepared[valid] &= ~v;
            Write(prepared);
            prepared = [.. wanted];
            prepared[valid] = now[valid];
            Write(prepared);
            Write(wanted);
        }

        return syncs;

        void Write(ulong[] words)
        {
            bool isChanged = false;
            for (int i = 0; i < 4; i++)
            {
                if (now[i] != words[i])
                {
                    machine.Store(at + ((ulong)i * 8), now[i] = words[i]);
                    isChanged = true;
                    check();
                }
            }

            if (isChanged)
            {
                machine.Invalidate(drop);
                syncs++;
                check();
            }
        }
    }
}
