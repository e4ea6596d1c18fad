using IommuKit.Models.Caches;

namespace IommuKit.Models.Smmu3;

/// <content>What walks find in the caches of tables and pages, and leave in them, under the lock.</content>
public sealed partial class Smmu3Model<TMemory>
{
    /// <summary>The lowest level whose table on the way to an address is cached, or the first.</summary>
    private int FindTable(ulong address, in Smmu3Stage stage, ulong tag, ref ulong table, ref ulong limits)
    {
        ulong classes = _tables.Classes;
        for (int level = Smmu3Stage.LastLevel - 1; level >= stage.StartLevel && classes != 0; level--)
        {
            int shift = stage.ShiftOf(level);
            if ((classes >> shift & 1) == 0)
            {
                continue;
            }

            ref readonly var entry = ref _tables.Find(address >> shift, tag | ClassOf(shift), LookUpMask);
            if (entry.Space != 0)
            {
                table = entry.A;
                limits = entry.B;
                return level + 1;
            }
        }

        return stage.StartLevel;
    }

    private void AddTable(ulong address, int level, in Smmu3Stage stage, ulong tag, ulong table, ulong limits, Scope scope)
    {
        if (IsUndisturbed(scope))
        {
            int shift = stage.ShiftOf(level);
            _tables.Add(new CacheEntry
            {
                Key = address >> shift,
                Space = tag | ClassOf(shift) | GranuleOf(stage.Granule) | ((ulong)(level + 1) << LevelShift),
                Mask = ulong.MaxValue,
                A = table,
                B = limits,
            });
        }
    }

    private void AddPage(ulong address, ulong tag, in Page page, int granule, int level, bool isGlobal, int origin, Scope scope)
    {
        _piecedSizes |= origin != 0 ? 1ul << origin : 0;
        if (!IsUndisturbed(scope) || scope.LeavesNoTrace)
        {
            return;
        }

        _pages.Add(new CacheEntry
        {
            Key = address >> page.SizeLog2,
            Space = tag
                | ClassOf(page.SizeLog2)
                | GranuleOf(granule)
                | ((ulong)(level + 1) << LevelShift)
                | ((ulong)(uint)origin << OriginShift)
                | (isGlobal ? GlobalBit : 0),
            Mask = isGlobal ? ~AsidMask : ulong.MaxValue,
            A = page.Address,
            B = page.Ipa,
            C = page.Rights,
            D = ProtectionsOf(page.Rights),
        });
        _brokenSizes |= origin != 0 ? 1ul << origin : 0;
    }

    /// <summary>A page as the IOTLB has it.</summary>
    /// <param name="Address">Its physical address.</param>
    /// <param name="Ipa">Its address between the stages; without stage 2 the same.</param>
    /// <param name="Rights"><see cref="Smmu3Rights"/>.</param>
    /// <param name="SizeLog2">Log2 of its bytes.</param>
    private readonly record struct Page(ulong Address, ulong Ipa, ulong Rights, int SizeLog2)
    {
        public ulong PhysicalOf(ulong address) => Address | Offset(address);

        public ulong IpaOf(ulong address) => Ipa | Offset(address);

        private ulong Offset(ulong address) => address & ((1ul << SizeLog2) - 1);
    }
}
