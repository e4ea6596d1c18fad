using System.Buffers.Binary;
using IommuKit.Lab.Conform;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Which devices of a recorded machine keep translations of their own, by the tables that its kernel had set up.</summary>
/// <param name="snapshot">The snapshot.</param>
internal sealed class VtdRecordedDevices(BootSnapshot snapshot)
{
    private const int Sources = 1 << 16;

    /// <summary>The devices with TLBs, with the domain that they have without a PASID.</summary>
    public IReadOnlyList<(ushort Source, ushort DomainId)> WithTlbs
    {
        get
        {
            ulong register = snapshot.ValueOf(VtdRegister.RootTable) ?? 0;
            ulong root = register & VtdRootEntry.AddressMask;
            bool isScalable = ((register >> VtdRegister.TableModeShift) & 3) == (ulong)VtdTableMode.Scalable;
            var found = new List<(ushort Source, ushort DomainId)>();
            for (int source = 0; root != 0 && source < Sources; source++)
            {
                ulong place = root + ((ulong)(uint)(source >> 8) * VtdRootEntry.Bytes);
                var entry = new VtdRootEntry(Word(place), Word(place + sizeof(ulong)));
                ulong table = isScalable ? entry.HalfOf(source & 0xff) : entry.Lower;
                if ((table & VtdRootEntry.Present) == 0)
                {
                    // No device of the half bus.
                    source |= 0x7f;
                }
                else if (DomainOf(table & VtdRootEntry.AddressMask, source, isScalable) is { } domain)
                {
                    found.Add(((ushort)source, domain));
                }
            }

            return found;
        }
    }

    private ushort? DomainOf(ulong table, int source, bool isScalable)
    {
        if (!isScalable)
        {
            ulong legacy = table + ((ulong)(uint)(source & 0xff) * VtdContextEntry.Bytes);
            var entry = new VtdContextEntry(Word(legacy), Word(legacy + sizeof(ulong)));
            return entry is { IsPresent: true, Type: VtdContextType.All } ? entry.DomainId : null;
        }

        ulong place = table + ((ulong)(uint)(source & 0x7f) * VtdScalableContextEntry.Bytes);
        var context = new VtdScalableContextEntry(Word(place), Word(place + sizeof(ulong)), 0, 0);
        if (context is not { IsPresent: true, EnablesDeviceTlb: true })
        {
            return null;
        }

        int pasid = context.RequestPasid;
        var directory = new VtdPasidDirectoryEntry(Word(
            context.Directory + ((ulong)(uint)(pasid >> VtdPasidDirectoryEntry.PasidsLog2) * VtdPasidDirectoryEntry.Bytes)));
        ulong own = directory.Table + ((ulong)(uint)(pasid & ((1 << VtdPasidDirectoryEntry.PasidsLog2) - 1)) * VtdPasidEntry.Bytes);
        return directory.IsPresent ? new VtdPasidEntry(Word(own), Word(own + sizeof(ulong)), 0).DomainId : null;
    }

    private ulong Word(ulong address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        return snapshot.Memory.TryRead(address, bytes) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
    }
}
