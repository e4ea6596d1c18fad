using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>
/// Every maintenance step is needed: leave one kind of it out of one operation, and a DMA goes wrong in the model. With all of them, none does.
/// </summary>
public class OmittedStepTests
{
    private const ulong Page = 4096;
    private const ulong Section = 4 << 20;
    private const ulong Iova = 0x4000_0000;
    private const ulong Data = 0x1000_0000;

    /// <summary>The operations during which a step is left out.</summary>
    public enum Operation
    {
        MapIntoTable,
        MapNewTable,
        Unmap,
        UnmapTable,
        Attach,
    }

    /// <summary>The steps that are left out.</summary>
    public enum Omission
    {
        Nothing,
        Clean,

        /// <summary>Lines are cleaned, but before the store that they should take to memory.</summary>
        CleanThenStore,
        Barrier,
        PtcFlush,
        PtcFlushHigh,
        TlbFlush,
        ReadBack,
    }

    public static TheoryData<string, SyncPolicy, Operation, Omission> All
    {
        get
        {
            var data = new TheoryData<string, SyncPolicy, Operation, Omission>();
            foreach (var soc in TegraSoc.All)
            {
                foreach (var policy in Enum.GetValues<SyncPolicy>())
                {
                    foreach (var operation in Enum.GetValues<Operation>())
                    {
                        foreach (var omission in Enum.GetValues<Omission>().Where(omission => Applies(soc, policy, operation, omission)))
                        {
                            data.Add(soc.Name, policy, operation, omission);
                        }
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_step_left_out_makes_a_DMA_go_wrong(string name, SyncPolicy policy, Operation operation, Omission omission)
    {
        var soc = Cases.Soc(name);
        ulong pool = Cases.TablePool(soc);

        // The upper half of a flush is not kept for the next, so that leaving it out shows without another domain in between.
        using var machine = TegraMachine.Create(
            soc, new MachineSettings { TablePool = 1 << 20 }, new TegraModelOptions { KeepsPtcFlushHigh = false }, pool);

        // A fault's handler reads registers, which would complete what was left without a read-back.
        machine.Model!.Write32(TegraMc.IntMask, 0);

        // What is in memory where tables will be looks like entries to somewhere else.
        machine.Memory.CpuView.Span(pool, 1 << 20).Fill(0xe5);
        machine.Memory.WriteBack(pool, 1 << 20);
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        using var busy = new Tenant(machine, "avpc", new DomainOptions { Policy = policy });
        if (operation != Operation.MapNewTable)
        {
            tenant.Map(Iova, Data, 4 * Page);
            tenant.Flush();
        }

        // The device has used everything around, so that caches hold it as it is.
        foreach (ulong page in Tenant.Range(Iova, 16 * Page))
        {
            tenant.Touch(page);
        }

        if (operation == Operation.Attach)
        {
            tenant.Domain.Detach(tenant.Device);
        }

        if (omission == Omission.CleanThenStore)
        {
            // Before the operation instead, and under way until its barrier. Tables come from the start of the pool.
            machine.Memory.Clean(pool, 16 * Page);
        }

        machine.Filter = step => IsLeftOut(omission, step);
        switch (operation)
        {
            case Operation.MapIntoTable:
                tenant.Map(Iova + (4 * Page), Data + (4 * Page), Page);
                break;
            case Operation.MapNewTable:
                tenant.Map(Iova, Data, Page);
                break;
            case Operation.Unmap:
                tenant.Unmap(Iova, Page);
                break;
            case Operation.UnmapTable:
                tenant.Unmap(Iova, 4 * Page);
                break;
            default:
                using (var fresh = machine.CreateDomain(new DomainOptions { Policy = policy }))
                {
                    // A directory whose memory is full of something else.
                    fresh.Attach(machine.Driver.GetDevice("hda"));
                    machine.Filter = null;
                    bool isRead = machine.CreateDma(machine.Driver.GetDevice("hda")).Read(Iova + Section, new byte[8]).IsComplete;
                    isRead.ShouldBe(omission != Omission.Nothing);
                    return;
                }
        }

        tenant.Flush();
        machine.Filter = null;
        bool isRight = Tenant.Range(Iova, 16 * Page).All(tenant.Sees);

        // Again when memory that was given back is in use.
        busy.Map(Iova + Section, Data + (100 * Page), 16 * Page);
        busy.Flush();
        isRight &= Tenant.Range(Iova, 16 * Page).All(tenant.Sees);
        isRight.ShouldBe(omission == Omission.Nothing);
    }

    private static bool Applies(TegraSoc soc, SyncPolicy policy, Operation operation, Omission omission) => (operation, omission) switch
    {
        (_, Omission.PtcFlushHigh) => soc.HasPtcFlushHigh && operation != Operation.Attach

            // The deferred queue is drained by a flush of everything, which has no upper half.
            && !(policy == SyncPolicy.Deferred && operation is Operation.Unmap or Operation.UnmapTable),

        // What a detach leaves behind is flushed by it; P13 shows the flush at attach alone. The registers read on the way complete the writes.
        (Operation.Attach, Omission.PtcFlush or Omission.TlbFlush or Omission.Barrier or Omission.ReadBack) => false,
        _ => true,
    };

    private static bool IsLeftOut(Omission omission, MaintenanceStep step) => omission switch
    {
        Omission.Clean or Omission.CleanThenStore => step.Kind == MaintenanceKind.Clean,
        Omission.Barrier => step.Kind == MaintenanceKind.Barrier,
        Omission.PtcFlush => step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.PtcFlush,
        Omission.PtcFlushHigh => step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.PtcFlushHigh,
        Omission.TlbFlush => step.Kind == MaintenanceKind.RegisterWrite && step.Purpose == RegisterPurpose.TlbInvalidation,
        Omission.ReadBack => step.Kind == MaintenanceKind.RegisterRead && step.Purpose == RegisterPurpose.Completion,
        _ => false,
    };
}
