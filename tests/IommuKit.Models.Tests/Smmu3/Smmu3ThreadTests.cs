using System.Runtime.CompilerServices;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Several threads: registers and walks one at a time, hits without a lock, and CMD_SYNC that waits for accesses.</summary>
public sealed class Smmu3ThreadTests
{
    private const ulong Leaf = Smmu3Machine.ValidLeaf;

    [Fact]
    public void A_read_waits() => ShouldStop(machine => machine.Model.Read32(0));

    [Fact]
    public void A_write_waits() => ShouldStop(machine => machine.Model.Write32(Smmu3Register.Control1, 0));

    [Fact]
    public void A_walk_waits() => ShouldStop(machine => machine.Ask(0x9000));

    [Fact]
    public void A_save_waits() => ShouldStop(machine => machine.Model.Save());

    [Fact]
    public void An_eviction_waits() => ShouldStop(machine => machine.Model.Evict());

    [Fact]
    public void A_page_request_waits() => ShouldStop(machine => machine.Model.RequestPage(default));

    [Fact]
    public void A_look_at_the_statistics_waits() => ShouldStop(machine => _ = machine.Model.Statistics);

    [Fact]
    public void A_hit_does_not_wait()
    {
        using var machine = Make(out _);
        machine.Read(0x1000).ShouldBe(0x7000_0000ul);
        lock (ModelFields<DeviceMemory>.Gate(machine.Model))
        {
            var outcome = Smmu3Outcome.Abort;
            var device = new Thread(() => outcome = machine.Ask(0x1000).Outcome);
            device.Start();
            device.Join(TimeSpan.FromMinutes(2)).ShouldBeTrue();
            outcome.ShouldBe(Smmu3Outcome.Allowed);
        }
    }

    /// <summary>
    /// Software moves a page again and again, and poisons the one that it left as soon as CMD_SYNC has completed. No access of a device sees the
    /// poison.
    /// </summary>
    [Fact]
    public void After_a_sync_no_access_is_on_its_way_to_the_old_page()
    {
        using var machine = Make(out ulong leaf);
        ulong[] pages = [0x7000_0000, 0x7100_0000];
        machine.Store(pages[0], 1).Store(pages[1], 1);
        bool isOver = false;
        int poisoned = 0;
        long reads = 0;
        var devices = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                using var lease = machine.Model.Accesses.Enter();
                var answer = machine.Ask(0x1000);
                if (answer.Outcome == Smmu3Outcome.Allowed && machine.Load(answer.Range.PhysicalOf(0x1000)) != 1)
                {
                    Interlocked.Increment(ref poisoned);
                }

                Interlocked.Increment(ref reads);
            }
        })).ToArray();
        Array.ForEach(devices, device => device.Start());
        for (int i = 1; i < 400 || (Interlocked.Read(ref reads) < 1000 && i < 1_000_000); i++)
        {
            machine.Store(pages[i & 1], 1);
            machine.Store(leaf, pages[i & 1] | Leaf);
            machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1000, asid: 1, leaf: true));
            machine.Store(pages[(i & 1) ^ 1], 2);
        }

        Volatile.Write(ref isOver, true);
        Array.ForEach(devices, device => device.Join());
        poisoned.ShouldBe(0);
        reads.ShouldBeGreaterThan(0);
    }

    private static Smmu3Machine Make(out ulong leaf)
    {
        var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        leaf = machine.Map(root, 0x1000, 0x7000_0000 | Leaf);
        return machine.BindFirst(root).SwitchOn();
    }

    private static void ShouldStop(Action<Smmu3Machine> work)
    {
        using var machine = Make(out _);
        HeldLock.ShouldStop(ModelFields<DeviceMemory>.Gate(machine.Model), () => work(machine));
    }

    private static class ModelFields<TMemory>
        where TMemory : struct, IMemoryAccessor
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
        public static extern ref Lock Gate(Smmu3Model<TMemory> model);
    }
}
