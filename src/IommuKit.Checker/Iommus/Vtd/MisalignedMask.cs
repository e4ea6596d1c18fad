using System.Numerics;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// A range is invalidated by one block whose mask is large enough for its pages, and whose address is where it begins, wherever that is. Hardware does
/// not look at the bits that the mask leaves out: it drops the aligned block around the first page, and the end of the range stays.
/// </summary>
internal sealed class MisalignedMask(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private const int PageShift = 12;
    private const ulong AddressMaskBits = 0x3f;

    private readonly VtdQueueCursor _queue = new((VtdMachine)((IMachineRig)machine).Machine);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            var descriptors = _queue.Advance((uint)access.Value);
            if (IsUnmapping)
            {
                foreach (var ofSpace in descriptors.Where(one => IsOfRange(one.Descriptor)).GroupBy(one => one.Descriptor.Qw0))
                {
                    Misalign([.. ofSpace]);
                }
            }
        }

        return false;
    }

    private bool IsOfRange(VtdInvalidationDescriptor descriptor) =>
        descriptor is { DropsTranslations: true, Granularity: VtdGranularity.Selective }
        && descriptor.Address <= Run.Current.LastIova
        && descriptor.LastAddress >= Run.Current.Iova;

    private void Misalign((ulong Address, VtdInvalidationDescriptor Descriptor)[] blocks)
    {
        ulong first = Math.Max(Run.Current.Iova, blocks.Min(block => block.Descriptor.Address));
        ulong last = Math.Min(Run.Current.LastIova, blocks.Max(block => block.Descriptor.LastAddress));
        ulong more = (last - first) >> PageShift;
        int log2 = more == 0 ? 0 : BitOperations.Log2(more) + 1;
        if (first >> (PageShift + log2) == last >> (PageShift + log2))
        {
            // One aligned block has all of it.
            return;
        }

        Store(blocks[0].Address, blocks[0].Descriptor with { Qw1 = first | (blocks[0].Descriptor.Qw1 & 0xfff & ~AddressMaskBits) | (uint)log2 });
        foreach (var (address, _) in blocks.AsSpan(1))
        {
            Store(address, EditedQueue.Nothing);
        }
    }

    private void Store(ulong address, VtdInvalidationDescriptor descriptor)
    {
        Machine.Scribble(address, descriptor.Qw0);
        Machine.Scribble(address + sizeof(ulong), descriptor.Qw1);
    }
}
