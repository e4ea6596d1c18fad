using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>What is for device TLBs stands in the queue before what is for the IOTLB.</summary>
internal sealed class DeviceTlbFirst(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly VtdQueueCursor _queue = new((VtdMachine)((IMachineRig)machine).Machine);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            var descriptors = _queue.Advance((uint)access.Value);
            if (IsWorking)
            {
                var sorted = descriptors.Select(one => one.Descriptor).OrderBy(PlaceOf).ToArray();
                for (int i = 0; i < sorted.Length; i++)
                {
                    Machine.Scribble(descriptors[i].Address, sorted[i].Qw0);
                    Machine.Scribble(descriptors[i].Address + sizeof(ulong), sorted[i].Qw1);
                }
            }
        }

        return false;
    }

    // Waits for nothing but the order come before, and the one for the driver last.
    private static int PlaceOf(VtdInvalidationDescriptor descriptor) => descriptor switch
    {
        { Type: VtdInvalidationType.Wait, WritesStatus: true } => 3,
        { Type: VtdInvalidationType.Wait } => 1,
        { Type: VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb } => 0,
        _ => 2,
    };
}
