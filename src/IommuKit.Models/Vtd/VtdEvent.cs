using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <summary>
/// One of the unit's events: its control, data and address registers, and the message that waits to be sent (VT-d specification, section 5.1.6).
/// </summary>
internal struct VtdEvent
{
    private const uint AddressMask = ~3u;

    public uint Control;
    public uint Data;
    public uint Address;
    public uint UpperAddress;

    // A message that was let go, and that the listener has not been told of yet.
    public bool IsMessageDue;
    public VtdMessage Message;

    public static VtdEvent AfterReset => new() { Control = VtdRegister.EventBits.Mask };

    /// <summary>Reads one of the four registers.</summary>
    public readonly uint Read(uint register) => register switch
    {
        0 => Control,
        VtdRegister.EventData => Data,
        VtdRegister.EventAddress => Address,
        _ => UpperAddress,
    };

    /// <summary>Writes one of the four registers.</summary>
    public void Write(uint register, uint value)
    {
        switch (register)
        {
            case 0:
                Control = (Control & VtdRegister.EventBits.Pending) | (value & VtdRegister.EventBits.Mask);
                Release();
                break;
            case VtdRegister.EventData:
                Data = value;
                break;
            case VtdRegister.EventAddress:
                Address = value & AddressMask;
                break;
            default:
                UpperAddress = value;
                break;
        }
    }

    /// <summary>A new condition: a message is sent, or held back.</summary>
    public void Raise()
    {
        Control |= VtdRegister.EventBits.Pending;
        Release();
    }

    /// <summary>Software has seen to every condition: what is held back is not sent any more.</summary>
    public void Withdraw() => Control &= ~VtdRegister.EventBits.Pending;

    private void Release()
    {
        if (Control == VtdRegister.EventBits.Pending)
        {
            Control = 0;
            IsMessageDue = true;
            Message = new VtdMessage(((ulong)UpperAddress << 32) | Address, Data);
        }
    }
}
