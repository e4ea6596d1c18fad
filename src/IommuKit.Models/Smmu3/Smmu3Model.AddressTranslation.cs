using IommuKit.Models.Caches;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Address translation by registers: GATOS (IHI 0070, section 9).</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const ulong InvalidRequest = 0xff;
    private const ulong InvalidStage = 0xfe;
    private const ulong InhibitsUpdatesBit = 1 << 6;
    private const ulong SubstreamValidBit = 1ul << 52;

    private uint _translationControl;
    private ulong _translationStream;
    private ulong _translationAddress;
    private ulong _translationResult;

    private void ResetAddressTranslation()
    {
        _translationControl = 0;
        _translationStream = 0;
        _translationAddress = 0;
        _translationResult = 0;
    }

    private ulong ReadAddressTranslation(uint offset) => !_unit.HasAddressTranslation ? 0 : offset switch
    {
        Smmu3Register.TranslationControl => _translationControl,
        Smmu3Register.TranslationStream => _translationStream,
        Smmu3Register.TranslationAddress => _translationAddress,
        Smmu3Register.TranslationResult => _translationResult,
        _ => 0,
    };

    private Effects WriteAddressTranslation(uint offset, uint value)
    {
        switch (offset & ~HighHalf)
        {
            case Smmu3Register.TranslationControl when offset == Smmu3Register.TranslationControl:
                if ((value & 1) != 0 && IsOn(Smmu3Register.Control.Enable))
                {
                    // RUN is 0 again when the write returns.
                    TranslateByRegisters();
                }

                break;
            case Smmu3Register.TranslationStream:
                SetHalf(ref _translationStream, offset, value, 0x001f_ffff_ffff_ffff);
                break;
            case Smmu3Register.TranslationAddress:
                SetHalf(ref _translationAddress, offset, value, ~0x3ful);
                break;
            default:
                break;
        }

        return Effects.None;
    }

    private void TranslateByRegisters()
    {
        int type = (int)(_translationAddress >> 10) & 3;
        uint stream = (uint)_translationStream;
        bool hasSubstream = (_translationStream & SubstreamValidBit) != 0;
        int substream = hasSubstream ? (int)(_translationStream >> 32) & 0xf_ffff : Smmu3Request.NoSubstream;
        bool isWrite = (_translationAddress >> 8 & 1) == 0;
        var access = (isWrite ? Smmu3Access.Write : Smmu3Access.Read)
            | ((_translationAddress >> 7 & 1) != 0 && !isWrite ? Smmu3Access.Execute : 0)
            | ((_translationAddress >> 9 & 1) != 0 ? Smmu3Access.Privileged : 0);
        ulong address = _translationAddress & ~0xffful;
        bool isPossible = type != 0
            && ((type & 1) == 0 || _unit.HasStage1)
            && ((type & 2) == 0 || _unit.HasStage2)
            && !(hasSubstream && type == 2);
        if (!isPossible)
        {
            _translationResult = Failed(InvalidRequest);
            return;
        }

        var request = new Smmu3Request(stream, address, access, substream);
        var scope = new Scope(_drops, LeavesNoTrace: (_translationAddress & InhibitsUpdatesBit) != 0);
        var status = FindStream(stream, mayRead: true, scope, out var entry);
        if (status != Smmu3EventType.None)
        {
            _translationResult = Failed((ulong)status);
            return;
        }

        // A stream that is aborted or passes has none (section 9.1.3).
        bool hasStages = entry.Config > Smmu3StreamEntry.Bypass
            && ((type & 1) == 0 || (entry.Config & 1) != 0)
            && ((type & 2) == 0 || (entry.Config & 2) != 0);
        if (!hasStages)
        {
            _translationResult = Failed(InvalidStage);
            return;
        }

        _translationResult = TranslateByRegisters(request, entry, type, access, address, scope);
    }

    private ulong TranslateByRegisters(
        in Smmu3Request request, in Smmu3StreamEntry entry, int type, Smmu3Access access, ulong address, Scope scope)
    {
        Path path;
        if (type == 2)
        {
            ulong tag = HardwareCache.Valid | SecondKind | entry.Vmid;
            path = new Path(entry, default, false, true, address, tag, access, request.IsWrite, false, scope);
        }
        else
        {
            var status = FindPath(request, entry, mayRead: true, scope, out path);
            if (status != Smmu3EventType.None)
            {
                return Failed(status);
            }

            // Overrides of the stream are not for these.
            path = path with { Access = access, EndsAtIpa = type == 1 && path.HasSecond };
            if (!path.HasFirst && (type & 1) != 0 && !path.HasSecond)
            {
                return Succeeded(address, new Page(address, address, (ulong)Smmu3Rights.WriteBack << Smmu3Rights.TypeShift, PageShift));
            }
        }

        Page page = default;
        bool isHit = !path.EndsAtIpa
            && TryFindPage(path.Address, path.Tag, out page)
            && !(path.IsWrite && (page.Rights & Smmu3Rights.Clean) != 0);
        var result = isHit ? Smmu3EventType.None : Walk(path, out page);
        if (result == Smmu3EventType.None)
        {
            result = CheckRights(path, page, mayRecord: true);
        }

        return result != Smmu3EventType.None ? Failed(result) : Succeeded(path.Address, page);
    }

    private static ulong Failed(ulong code) => 1 | (code << 4);

    private ulong Failed(Smmu3EventType type)
    {
        bool hasStage = type is Smmu3EventType.WalkAbort or >= Smmu3EventType.Translation;
        ulong reason = hasStage && _fault.IsSecond ? (ulong)_fault.Class + 1 : 0;
        ulong address = type is Smmu3EventType.WalkAbort or Smmu3EventType.ContextFetch or Smmu3EventType.StreamFetch ? _fault.Fetch : _fault.Ipa;
        return Failed((ulong)type) | (reason << 1) | (hasStage ? address & Smmu3Event.IpaMask : 0);
    }

    private static ulong Succeeded(ulong address, in Page page)
    {
        // The size of a page is told by the lowest bit of its address that is set, if it is not the smallest.
        ulong start = page.SizeLog2 > PageShift ? page.Address | (1ul << (page.SizeLog2 - 1)) : page.PhysicalOf(address);
        return (start & Smmu3Event.IpaMask)
            | (page.SizeLog2 > PageShift ? 1ul << 11 : 0)
            | ((ulong)(uint)Smmu3Rights.ShareOf(page.Rights) << 8)
            | ((ulong)(uint)Smmu3Rights.TypeOf(page.Rights) << 56);
    }
}
