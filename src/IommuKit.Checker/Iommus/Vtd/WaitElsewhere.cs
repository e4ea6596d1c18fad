using System.Buffers.Binary;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Waits store at the word beside the one that the driver looks at, which has the number already.</summary>
internal sealed class WaitElsewhere(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private const ulong Beside = sizeof(uint);

    private readonly VtdQueueCursor _queue = new((VtdMachine)((IMachineRig)machine).Machine);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            foreach (var (address, descriptor) in _queue.Advance((uint)access.Value))
            {
                if (IsWorking && descriptor is { Type: VtdInvalidationType.Wait, WritesStatus: true })
                {
                    Machine.Scribble(address + sizeof(ulong), descriptor.Qw1 ^ Beside);
                    Show(descriptor.StatusAddress, descriptor.StatusData);
                }
            }
        }

        return false;
    }

    private void Show(ulong address, uint number)
    {
        ulong pair = address & ~Beside;
        Span<byte> words = stackalloc byte[sizeof(ulong)];
        Machine.ReadTable(pair, words);
        BinaryPrimitives.WriteUInt32LittleEndian(words[(int)(address - pair)..], number);
        Machine.Scribble(pair, BinaryPrimitives.ReadUInt64LittleEndian(words));
    }
}
