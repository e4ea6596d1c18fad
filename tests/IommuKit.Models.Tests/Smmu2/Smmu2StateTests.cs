using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>Reset, save and restore; several threads.</summary>
public sealed class Smmu2StateTests
{
    private const ulong Page = 0x7000_0000;
    private const int Bank = 5;

    [Fact]
    public void What_is_restored_goes_on_where_it_was()
    {
        using var machine = One(out ulong leaf);
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On | Smmu2Bank.Control.FaultStalls | Smmu2Bank.Control.HitUnderFault);
        machine.Ask(0x9000, Smmu2Access.Write).Outcome.ShouldBe(Smmu2Outcome.Stalled);
        machine.Store(leaf, 0);
        machine.SetBank(Bank, Smmu2Bank.DropVa, (1ul << 48) | 5).SetBank32(Bank, Smmu2Bank.Sync, 0);
        byte[] state = machine.Model.Save();

        var other = new Smmu2Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        var ended = new List<Smmu2StallEnd>();
        other.StallEnded = ended.Add;
        other.Restore(state);
        other.Save().ShouldBe(state);

        // What is stale stays so until the sync that is under way is seen to end; what stalls can be resumed.
        var request = new Smmu2Request(8, 0x5000, Smmu2Access.Read);
        other.Translate(request).Range.PhysicalAddress.ShouldBe(Page);
        other.Read32(machine.Unit.OffsetOf(Bank) + Smmu2Bank.SyncStatus).ShouldBe(0u);
        other.Translate(request).Outcome.ShouldNotBe(Smmu2Outcome.Allowed);
        other.Write32(machine.Unit.OffsetOf(Bank) + Smmu2Bank.Resume, 1);
        ended.ShouldBe([new Smmu2StallEnd(Bank, new Smmu2Request(8, 0x9000, Smmu2Access.Write), Smmu2Outcome.Abort)]);
    }

    [Fact]
    public void A_state_that_is_damaged_or_of_another_model_is_refused()
    {
        using var machine = One(out _);
        byte[] state = machine.Model.Save();
        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            byte[] damaged = [.. state];
            damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
            try
            {
                machine.Model.Restore(i % 10 == 0 ? damaged.AsSpan(0, random.Next(damaged.Length)) : damaged);
            }
            catch (InvalidDataException)
            {
                machine.Model.Read32(Smmu2Global.Control0).ShouldBe(Smmu2Global.Control.Reset);
            }

            _ = machine.Ask(0x5000);
            _ = machine.Ask((ulong)random.NextInt64(), Smmu2Access.Write);
            machine.Model.SettleInvalidations();
        }

        var other = new Smmu2Model<DeviceMemory>(Smmu2Unit.Mmu500, machine.Memory.DeviceView);
        Should.Throw<InvalidDataException>(() => other.Restore(state));
    }

    [Fact]
    public void A_reset_forgets_everything()
    {
        using var machine = One(out _);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Reset();
        machine.Interrupts[^1].ShouldBe(new Smmu2Interrupt(Bank, false));
        machine.Model.Save().ShouldBe(new Smmu2Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView).Save());
    }

    [Fact]
    public async Task A_sync_waits_for_accesses_from_before()
    {
        using var machine = One(out ulong leaf);
        machine.Store(leaf, 0);
        machine.SetBank(Bank, Smmu2Bank.DropVa, (1ul << 48) | 5).SetBank32(Bank, Smmu2Bank.Sync, 0);
        using var isIn = new ManualResetEventSlim();
        using var mayGo = new ManualResetEventSlim();
        bool hasReached = false;
        var access = Task.Run(() =>
        {
            using (machine.Model.Accesses.Enter())
            {
                machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Allowed);
                isIn.Set();
                mayGo.Wait();
                Volatile.Write(ref hasReached, true);
            }
        });
        isIn.Wait();
        var sync = Task.Run(() =>
        {
            machine.Bank(Bank, Smmu2Bank.SyncStatus).ShouldBe(0u);
            Volatile.Read(ref hasReached).ShouldBeTrue();
        });
        mayGo.Set();
        await access;
        await sync;
        machine.Read(0x5000).ShouldBeNull();
    }

    private static Smmu2Machine One(out ulong leaf)
    {
        var machine = new Smmu2Machine().SwitchOn();
        ulong root = machine.NewTable();
        leaf = machine.Map(root, 0x5000, Page | Smmu2Machine.Leaf);
        machine.SetFirst(Bank, root).SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        machine.Read(0x5000).ShouldBe(Page);
        return machine;
    }
}
