using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Some descriptors in the queue are not what they should be.</summary>
/// <param name="machine">The machine.</param>
/// <param name="run">The run.</param>
/// <param name="during">During operations of which kind; null for all that change mappings.</param>
/// <param name="edit">Makes of a descriptor what it becomes.</param>
internal sealed class EditedQueue(
    CheckRig machine, ScenarioRun run, CheckOperationKind? during, Func<VtdInvalidationDescriptor, VtdInvalidationDescriptor> edit)
    : Sabotage(machine, run)
{
    private readonly VtdQueueCursor _queue = new((VtdMachine)((IMachineRig)machine).Machine);

    /// <summary>A descriptor that does nothing to anybody: pages of a domain that there is not.</summary>
    public static VtdInvalidationDescriptor Nothing { get; } =
        VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, domainId: 0xff, hint: true);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            bool isMeant = during is null ? IsWorking : Run.IsBusy && Run.Current.Kind == during;
            foreach (var (address, descriptor) in _queue.Advance((uint)access.Value))
            {
                if (isMeant && edit(descriptor) is var edited && edited != descriptor)
                {
                    Machine.Scribble(address, edited.Qw0);
                    Machine.Scribble(address + sizeof(ulong), edited.Qw1);
                }
            }
        }

        return false;
    }
}
