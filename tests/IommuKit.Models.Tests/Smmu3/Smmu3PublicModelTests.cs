using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Where public models of the SMMUv3 leave the architecture, and no other test says so already.</summary>
public sealed class Smmu3PublicModelTests
{
    private const ulong Leaf = 3 | (1 << 6) | (1 << 10) | (1 << 11);
    private const ulong Block = Leaf & ~2ul;
    private const ulong ReadOnly = 1 << 7;
    private const ulong PrivilegedExecuteNever = 1ul << 53;
    private const ulong ExecuteNever = 1ul << 54;
    private const ulong Hierarchical = 2;

    /// <summary>
    /// A block has the rights that its descriptor gives, as a page has (others: all of them, or never to execute). What is for privileged software
    /// alone may be executed without privilege nevertheless, unless it says no.
    /// </summary>
    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    public void A_block_has_rights_as_a_page_has(int level)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong size = 1ul << (12 + (9 * (3 - level)));
        ulong kind = level == 3 ? Leaf : Block;
        machine.Map(root, size, size | kind, level);
        machine.Map(root, 2 * size, size | kind | ReadOnly, level);
        machine.Map(root, 3 * size, size | kind | ReadOnly | ExecuteNever, level);
        machine.Map(root, 4 * size, size | (kind & ~(1ul << 6)) | PrivilegedExecuteNever, level);
        machine.BindFirst(root).SwitchOn();
        Asks(machine, size, "rwx");
        Asks(machine, 2 * size, "r-x");
        Asks(machine, 3 * size, "r--");
        Asks(machine, 4 * size, "--x");
    }

    /// <summary>What a table forbids, all below it is forbidden, unless the context says that tables forbid nothing.</summary>
    [Theory]
    [InlineData(62, false, "r-x")]
    [InlineData(62, true, "rwx")]
    [InlineData(61, false, "--x")]
    [InlineData(61, true, "rwx")]
    [InlineData(60, false, "r--")]
    [InlineData(60, true, "r-x")]
    public void Tables_forbid_what_is_below_them(int bit, bool isAlone, string rights)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong leaf = 0x8000 | Leaf | (bit == 60 ? ReadOnly : 0);
        machine.Map(root, 0x1000, leaf);
        machine.Map(root, 1ul << 39, leaf);
        machine.Store(root, machine.Load(root) | (1ul << bit));
        machine.BindFirst(root);
        machine.Store(Smmu3Machine.Contexts + (Smmu3Machine.Device * 64) + 8, root | (isAlone ? Hierarchical : 0));
        machine.SwitchOn();
        Asks(machine, 0x1000, rights);

        // What is below another entry is not touched.
        Asks(machine, 1ul << 39, bit == 60 ? "r-x" : "rwx");
    }

    /// <summary>Bit 1 tells a table from a block; without it there is nothing in level 3, and nothing in level 0 of 48 bits.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_block_where_none_can_be_is_no_translation(int level)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Block, level);
        machine.BindFirst(root).SwitchOn();
        machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.Translation);
    }

    /// <summary>Memory that does not answer for a descriptor is an event of the walk, with the address of the descriptor.</summary>
    [Fact]
    public void A_walk_that_memory_does_not_answer_is_an_event_of_its_own()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Store(root, (1ul << 40) | 3);
        machine.BindFirst(root).SwitchOn();
        var record = machine.Fault(0x1000, Smmu3Access.Write);
        record.Type.ShouldBe(Smmu3EventType.WalkAbort);
        record.IsStage2.ShouldBeFalse();
        record.FetchAddress.ShouldBe(1ul << 40);
        record.Address.ShouldBe(0x1000ul);
    }

    /// <summary>CMDQ_CONS can be written while the queue is off, and only then (others: always, or never).</summary>
    [Fact]
    public void The_consumer_of_commands_is_written_while_the_queue_is_off()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write32(Smmu3Register.CommandConsumer, 5);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(5u);
        machine.Model.Write32(Smmu3Register.CommandConsumer, 0);
        machine.SwitchOn();
        machine.Model.Write32(Smmu3Register.CommandConsumer, 5);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(0u);
    }

    /// <summary>As many transactions wait as IDR5 says, each with a tag of its own (others: 64, then the model ends).</summary>
    [Fact]
    public void As_many_transactions_wait_as_the_unit_says()
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable(), flags: 1ul << 44).SwitchOn();
        var tags = new HashSet<ushort>();
        machine.Unit.MostStalls.ShouldBe(256);
        for (int i = 0; i < machine.Unit.MostStalls; i++)
        {
            machine.Ask(0x1000ul * (uint)(i + 1)).Outcome.ShouldBe(Smmu3Outcome.Stalled);
            var record = machine.TakeEvent().ShouldNotBeNull();
            record.IsStall.ShouldBeTrue();
            tags.Add(record.StallTag).ShouldBeTrue();
        }

        foreach (ushort tag in tags)
        {
            machine.Invalidate(Smmu3Command.Resume(Smmu3Machine.Device, tag, isRetry: false, isAbort: true));
        }

        machine.Ended.Count.ShouldBe(256);
        machine.Ended.ShouldAllBe(end => end.Outcome == Smmu3Outcome.Abort);
    }

    private static void Asks(Smmu3Machine machine, ulong address, string rights)
    {
        (Smmu3Access Access, char Letter)[] all = [(Smmu3Access.Read, 'r'), (Smmu3Access.Write, 'w'), (Smmu3Access.Read | Smmu3Access.Execute, 'x')];
        for (int i = 0; i < all.Length; i++)
        {
            bool isAllowed = rights[i] == all[i].Letter;

            // Twice: by a walk, and out of the cache.
            for (int turn = 0; turn < 2; turn++)
            {
                var answer = machine.Ask(address, all[i].Access);
                answer.Range.IsAllowed.ShouldBe(isAllowed, $"{all[i].Letter} of 0x{address:x}");
                var record = machine.TakeEvent();
                record.HasValue.ShouldBe(!isAllowed);
                (record?.Type ?? Smmu3EventType.Permission).ShouldBe(Smmu3EventType.Permission);
            }
        }
    }
}
